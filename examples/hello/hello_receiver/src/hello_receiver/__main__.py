"""Prints the greetings of every instance of `hello_world_param`."""

import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import hello_world_param_message_stream
from peppygen.parameters import Parameters


async def listen(node_runner: NodeRunner) -> None:
    while True:
        sender, message = await hello_world_param_message_stream.on_next_message_received(
            node_runner
        )
        print(f"Received from {sender}: {message.message}", flush=True)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(listen(node_runner))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
