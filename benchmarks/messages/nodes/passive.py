"""`b`: echoes, counts, and calls the service."""

from time import perf_counter_ns

import anyio

from benchmarks.messages.answering import Answer, Arrivals, percentiles
from benchmarks.messages.nodes.running import NAME, POSITIONS, STUCK, generated, obey, run
from peppylib import NodeRunner

active_ping = generated("consumed_topics.active_ping")
active_flood = generated("consumed_topics.active_flood")
active_frame = generated("consumed_topics.active_frame")
active_frames = generated("consumed_topics.active_frames")
pong = generated("emitted_topics.pong")
frame_back = generated("emitted_topics.frame_back")
active_work = generated("consumed_services.active_work")

small = Arrivals()
large = Arrivals()


async def echo(node_runner: NodeRunner) -> None:
    while True:
        _, message = await active_ping.on_next_message_received(node_runner)
        await pong.emit(node_runner, message.seq, message.stamp, message.name, message.positions)


async def echo_frame(node_runner: NodeRunner) -> None:
    while True:
        _, message = await active_frame.on_next_message_received(node_runner)
        await frame_back.emit(
            node_runner, message.seq, message.stamp, message.width, message.height, message.data
        )


async def count(node_runner: NodeRunner) -> None:
    while True:
        _, message = await active_flood.on_next_message_received(node_runner)
        small.arrived(message.seq)


async def count_frames(node_runner: NodeRunner) -> None:
    while True:
        _, message = await active_frames.on_next_message_received(node_runner)
        large.arrived(message.seq)


async def measure(node_runner: NodeRunner) -> None:
    async def begin() -> Answer:
        small.begin()
        large.begin()
        return {}

    async def report(size: int) -> Answer:
        return (small if size <= 64 else large).report()

    async def calls(size: int, count: int, warm_up: int) -> Answer:
        if not hasattr(active_work, "poll"):
            raise NotImplementedError("these bindings have no services")
        taken: list[int] = []
        with anyio.fail_after(STUCK):
            for number in range(count + warm_up):
                begun = perf_counter_ns()
                request = active_work.Request(number, begun / 1e9, NAME, POSITIONS)
                await active_work.poll(node_runner, request, 5.0)
                taken.append(perf_counter_ns() - begun)
        return percentiles(taken[warm_up:])

    await obey(node_runner, {"begin": begin, "report": report, "calls": calls})


if __name__ == "__main__":
    run(echo, echo_frame, count, count_frames, measure)
