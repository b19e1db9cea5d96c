"""`a`: sends, waits for what comes back, and answers the service."""

from time import perf_counter, perf_counter_ns
from typing import Any

import anyio

from benchmarks.messages.answering import Answer, percentiles
from benchmarks.messages.nodes.running import NAME, POSITIONS, STUCK, generated, obey, run
from peppylib import NodeRunner

ping = generated("emitted_topics.ping")
flood = generated("emitted_topics.flood")
frame = generated("emitted_topics.frame")
frames = generated("emitted_topics.frames")
pong = generated("consumed_topics.pong")
frame_back = generated("consumed_topics.frame_back")
work = generated("exposed_services.work")


async def greet(node_runner: NodeRunner) -> Answer:
    """Send one message on each topic; return how many of two came back."""
    await ping.emit(node_runner, 0, perf_counter(), NAME, POSITIONS)
    await flood.emit(node_runner, 0, perf_counter(), NAME, POSITIONS)
    await frame.emit(node_runner, 0, perf_counter(), 0, 0, b"")
    await frames.emit(node_runner, 0, perf_counter(), 0, 0, b"")
    heard = 0
    for topic in (pong, frame_back):
        with anyio.move_on_after(0.2):
            await topic.on_next_message_received(node_runner)
            heard += 1
    return {"heard": heard}


async def drain(node_runner: NodeRunner) -> Answer:
    """Take what is left of the greetings."""
    for topic in (pong, frame_back):
        with anyio.move_on_after(0.2):
            while True:
                await topic.on_next_message_received(node_runner)
    return {}


async def small_trips(node_runner: NodeRunner, count: int) -> list[int]:
    taken: list[int] = []
    for number in range(count):
        begun = perf_counter_ns()
        await ping.emit(node_runner, number, begun / 1e9, NAME, POSITIONS)
        await pong.on_next_message_received(node_runner)
        taken.append(perf_counter_ns() - begun)
    return taken


async def paced_trips(node_runner: NodeRunner, count: int, gap: float) -> list[int]:
    taken: list[int] = []
    due = perf_counter()
    for number in range(count):
        due += gap
        await anyio.sleep(max(0.0, due - perf_counter()))
        begun = perf_counter_ns()
        await ping.emit(node_runner, number, begun / 1e9, NAME, POSITIONS)
        await pong.on_next_message_received(node_runner)
        taken.append(perf_counter_ns() - begun)
    return taken


async def large_trips(node_runner: NodeRunner, count: int, size: int) -> list[int]:
    data = bytes(size)
    taken: list[int] = []
    for number in range(count):
        begun = perf_counter_ns()
        await frame.emit(node_runner, number, begun / 1e9, 1280, 720, data)
        await frame_back.on_next_message_received(node_runner)
        taken.append(perf_counter_ns() - begun)
    return taken


async def small_flood(node_runner: NodeRunner, seconds: float) -> int:
    sent = 0
    end = perf_counter() + seconds
    while (now := perf_counter()) < end:
        for _ in range(32):
            await flood.emit(node_runner, sent, now, NAME, POSITIONS)
            sent += 1
    return sent


async def large_flood(node_runner: NodeRunner, seconds: float, size: int) -> int:
    data = bytes(size)
    sent = 0
    end = perf_counter() + seconds
    while (now := perf_counter()) < end:
        await frames.emit(node_runner, sent, now, 1280, 720, data)
        sent += 1
    return sent


async def measure(node_runner: NodeRunner) -> None:
    async def round_trips(size: int, count: int, warm_up: int, gap: float) -> Answer:
        with anyio.fail_after(STUCK + 2 * gap * count):
            if gap:
                taken = await paced_trips(node_runner, count + warm_up, gap)
            elif size <= 64:
                taken = await small_trips(node_runner, count + warm_up)
            else:
                taken = await large_trips(node_runner, count + warm_up, size)
        return percentiles(taken[warm_up:])

    async def send(size: int, seconds: float) -> Answer:
        with anyio.fail_after(STUCK + seconds):
            if size <= 64:
                return {"sent": await small_flood(node_runner, seconds)}
            return {"sent": await large_flood(node_runner, seconds, size)}

    await obey(
        node_runner,
        {
            "greet": lambda: greet(node_runner),
            "drain": lambda: drain(node_runner),
            "round_trips": round_trips,
            "send": send,
        },
    )


async def serve(node_runner: NodeRunner) -> None:
    """Answer each request with what it holds, if this generator knows services."""
    if not hasattr(work, "handle_next_request"):
        return

    async def answer(request: Any) -> Any:
        data = request.data
        return work.Response(data.seq, data.stamp, data.name, data.positions)

    if hasattr(work, "handle_requests"):
        await work.handle_requests(node_runner, answer)
    while True:
        await work.handle_next_request(node_runner, answer)


if __name__ == "__main__":
    run(measure, serve)
