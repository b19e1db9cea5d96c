"""A node in its own process that emits all the time: run it with a port and its instance id."""

import sys
from typing import Final

import anyio

from peppy.runtime.transport.zenoh import open_peer
from tests.runtime.memory_nodes import runner_over
from tests.runtime.topic_ends import emitted

PACE: Final = 0.0005
"""Seconds between two items: some fall into each moment of a link being made."""


async def emit(port: int, instance_id: str) -> None:
    """Emit numbered items until the process is killed."""
    transport = await open_peer("127.0.0.1", port, shares_memory=False)
    runner, topic = runner_over(transport, instance_id), emitted()
    number = 0
    while True:
        await topic.emit(runner, number, b"")
        number += 1
        await anyio.sleep(PACE)


if __name__ == "__main__":
    anyio.run(emit, int(sys.argv[1]), sys.argv[2])
