"""peppylib on asyncio: `python -m benchmarks.messages.peers.with_peppylib a|b PORT`."""

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter, perf_counter_ns
from typing import Any

from benchmarks.messages.answering import (
    Answer,
    Arrivals,
    failure,
    parsed,
    percentiles,
    say,
    say_ready,
)

CORE_NODE, NODE = "core", "bench"


class Side:
    """One of the two processes, connected."""

    def __init__(self, library: Any, messenger: Any, role: str) -> None:
        self._topics = library.TopicMessenger
        self._qos = library.QoSProfile.Reliable
        self._messenger = messenger
        self._instance = f"instance_{role}"

    async def emit(self, topic: str, payload: bytes) -> None:
        await self._topics.emit(
            self._messenger, CORE_NODE, self._instance, NODE, topic, self._qos, payload
        )

    async def subscribe(self, topic: str) -> Any:
        return await self._topics.subscribe(
            self._messenger, CORE_NODE, self._instance, NODE, topic, None, None, self._qos
        )


async def obey(commands: Mapping[str, Callable[..., Awaitable[Answer]]]) -> None:
    say_ready()
    while line := await asyncio.to_thread(sys.stdin.readline):
        name, arguments = parsed(line)
        try:
            say({"answer": await commands[name](**arguments)})
        except Exception as error:
            say(failure(error))


async def run_a(side: Side) -> None:
    pong = await side.subscribe("pong")

    async def greet() -> Answer:
        await side.emit("flood", b"")
        await side.emit("ping", b"")
        try:
            await asyncio.wait_for(pong.on_next_message(), 1)
        except TimeoutError:
            return {"heard": 0}
        return {"heard": 2}

    async def drain() -> Answer:
        try:
            while True:
                await asyncio.wait_for(pong.on_next_message(), 0.3)
        except TimeoutError:
            return {}

    async def round_trips(size: int, count: int, warm_up: int, gap: float) -> Answer:
        payload, taken = bytes(size), list[int]()
        for _ in range(count + warm_up):
            begun = perf_counter_ns()
            await side.emit("ping", payload)
            await pong.on_next_message()
            taken.append(perf_counter_ns() - begun)
        return percentiles(taken[warm_up:])

    async def send(size: int, seconds: float) -> Answer:
        payload, sent = bytes(size), 0
        end = perf_counter() + seconds
        while perf_counter() < end:
            await side.emit("flood", payload)
            sent += 1
        return {"sent": sent}

    await obey({"greet": greet, "drain": drain, "round_trips": round_trips, "send": send})


async def run_b(side: Side) -> None:
    ping, flood = await side.subscribe("ping"), await side.subscribe("flood")
    arrivals = Arrivals()

    async def echo() -> None:
        while (message := await ping.on_next_message()) is not None:
            await side.emit("pong", message.payload)

    async def count() -> None:
        while (await flood.on_next_message()) is not None:
            arrivals.arrived()

    async def begin() -> Answer:
        return arrivals.begin()

    async def report(size: int) -> Answer:
        return arrivals.report()

    tasks = [asyncio.create_task(echo()), asyncio.create_task(count())]
    await obey({"begin": begin, "report": report})
    for task in tasks:
        task.cancel()


async def main() -> None:
    role, port = sys.argv[1:]
    library: Any = importlib.import_module("peppylib")
    messenger = await library.MessengerHandle.from_host_port("127.0.0.1", int(port))
    await (run_a if role == "a" else run_b)(Side(library, messenger, role))
    os._exit(0)  # its own threads do not end by themselves


if __name__ == "__main__":
    asyncio.run(main())
