"""A recorder: what it holds in memory is saved by a hook, however the node comes to be stopped."""

import asyncio
import tempfile
from collections import deque
from pathlib import Path

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_services import uvc_camera_video_stream_info as camera_info
from peppygen.consumed_topics import uvc_camera_video_stream as camera_stream
from peppygen.parameters import Parameters

FILE = "reconstructed_video.y4m"
"""Frames as they are, one after the other, behind a line of text: most players show it."""


async def record(node_runner: NodeRunner, frames: deque[bytes]) -> None:
    async with camera_stream.subscribe(node_runner) as stream:
        async for _, message in stream:
            frames.append(message.frame)


def save(path: Path, video: camera_info.ResponseData, frames: deque[bytes]) -> None:
    """Write a video of grey frames."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{video.width} H{video.height} ".encode())
        file.write(f"F{video.frame_rate}:1 Ip A1:1 Cmono\n".encode())
        for frame in frames:
            file.write(b"FRAME\n" + frame)
    print(f"Video of {len(frames)} frames saved to: {path}")


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    answer = await camera_info.poll(node_runner, timeout=10)
    video = answer.data
    if video.encoding != "mono8":
        raise ValueError(f"{answer.instance_id} sends {video.encoding}, and only mono8 is known")

    directory = Path(params.directory or tempfile.mkdtemp(prefix="video-"))
    frames: deque[bytes] = deque(maxlen=params.video_duration_seconds * video.frame_rate)

    def save_video() -> None:
        save(directory / FILE, video, frames)

    node_runner.on_shutdown(save_video)
    print(f"Recording {answer.instance_id}; kept are {params.video_duration_seconds} seconds")
    return [asyncio.create_task(record(node_runner, frames))]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
