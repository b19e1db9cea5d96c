"""A mock: the same topic as the camera's, without the camera."""

import array
import asyncio

from peppygen import NodeBuilder, NodeRunner, StandaloneConfig
from peppygen.emitted_topics import depth_image
from peppygen.parameters import Parameters

WIDTH, HEIGHT = 8, 6

PERIOD = 0.1
"""Seconds between two frames."""


async def approach(params: Parameters, node_runner: NodeRunner) -> None:
    """Emit frames of a wall that comes nearer, and then again from where it began."""
    images = await depth_image.declare_publisher(node_runner)
    depth = params.distance
    while True:
        await images.emit(WIDTH, HEIGHT, array.array("f", [depth]) * (WIDTH * HEIGHT))
        await asyncio.sleep(PERIOD)
        depth -= params.speed * PERIOD
        if depth <= 0:
            depth = params.distance


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    print(f"a wall at {params.distance} m")
    return [asyncio.create_task(approach(params, node_runner))]


def main() -> None:
    # On its own, in a debugger say: `uv run mock_depth_camera` in this directory.
    alone = StandaloneConfig().with_parameters({"distance": 2.0, "speed": 0.5})
    NodeBuilder().standalone(alone).run(setup)


if __name__ == "__main__":
    main()
