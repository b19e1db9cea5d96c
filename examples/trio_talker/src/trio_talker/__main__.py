"""The node `hello_world`, written for Trio: `setup` gets a nursery for what goes on after it."""

import itertools

import trio
from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import message_stream
from peppygen.parameters import Parameters

PERIOD = 3.0
"""Seconds between two greetings."""


async def greet(node_runner: NodeRunner) -> None:
    try:
        for count in itertools.count(1):
            message = f"hello from trio count {count}"
            print(message, flush=True)
            await message_stream.emit(node_runner, message)
            await trio.sleep(PERIOD)
    finally:
        print("good bye", flush=True)


async def setup(params: Parameters, node_runner: NodeRunner, nursery: trio.Nursery) -> None:
    nursery.start_soon(greet, node_runner)


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
