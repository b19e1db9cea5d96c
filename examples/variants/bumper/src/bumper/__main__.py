"""Looks at arrays where they arrived: in a view they are no lists, but a `memoryview`."""

import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import eye_depth_image
from peppygen.parameters import Parameters


async def guard(node_runner: NodeRunner, margin: float) -> None:
    """Say when the way is free, and when it no longer is."""
    free: bool | None = None
    async with eye_depth_image.subscribe_views(node_runner) as views:
        async for camera, view in views:
            nearest = min(view.depths)
            if (nearest > margin) is not free:
                free = nearest > margin
                print(f"{camera}: {'go' if free else 'stop'}, {nearest:.1f} m")


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    return [asyncio.create_task(guard(node_runner, params.margin))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
