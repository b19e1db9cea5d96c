"""One consumer of many instances: the sender of a message says whom to ask about it."""

import asyncio
from collections import Counter

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_services import camera_video_stream_info
from peppygen.consumed_topics import camera_video_stream
from peppygen.parameters import Parameters


async def count(node_runner: NodeRunner, frames: Counter[str]) -> None:
    """Count the frames of each camera, whenever it comes."""
    async with camera_video_stream.subscribe(node_runner) as stream:
        async for camera, _ in stream:
            if camera not in frames:
                await introduce(node_runner, camera)
            frames[camera] += 1


async def introduce(node_runner: NodeRunner, camera: str) -> None:
    """Ask this one camera, of all that answer the same service."""
    answer = await camera_video_stream_info.poll(node_runner, timeout=5, target_instance_id=camera)
    its = answer.data
    print(f"{camera} is {its.device}: {its.width}x{its.height} at {its.frame_rate} frames/s")


async def report(frames: Counter[str], window: float) -> None:
    """Say how fast the frames of each camera come."""
    while True:
        before = frames.copy()
        await asyncio.sleep(window)
        rates = {camera: (frames[camera] - before[camera]) / window for camera in sorted(frames)}
        print(", ".join(f"{camera} {rate:.1f}/s" for camera, rate in rates.items()))


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    frames: Counter[str] = Counter()
    return [
        asyncio.create_task(count(node_runner, frames)),
        asyncio.create_task(report(frames, params.window)),
    ]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
