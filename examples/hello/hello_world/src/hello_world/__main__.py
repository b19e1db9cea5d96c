"""Emits a greeting every three seconds."""

import asyncio
import itertools

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import message_stream
from peppygen.parameters import Parameters

PERIOD = 3.0
"""Seconds between two greetings."""


async def greet(node_runner: NodeRunner) -> None:
    for count in itertools.count(1):
        message = f"hello world count {count}"
        print(message, flush=True)
        await message_stream.emit(node_runner, message)
        await asyncio.sleep(PERIOD)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(greet(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
