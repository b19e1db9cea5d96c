"""`example_nodes`: a recorder that lies in a repository, and in an archive as well."""

DOCUMENT = """\
{
  schema_version: 1,
  manifest: {
    name: "fake_video_reconstruction",
    tag: "0.1.0",
    depends_on: { nodes: [{ name: "uvc_camera", tag: "0.1.0", local_id: "uvc_camera" }] },
  },
  interfaces: {
    topics: { consumes: [{ local_node_id: "uvc_camera", name: "video_stream" }] },
    services: { consumes: [{ local_node_id: "uvc_camera", name: "get_camera_info" }] },
  },
  execution: {
    language: "python",
    parameters: { video_duration_seconds: "u16" },
    build_cmd: ["uv sync --no-editable"],
    run_cmd: [".venv/bin/python", "-m", "fake_video_reconstruction"],
  },
}
"""

PROJECT = """\
[project]
name = "fake-video-reconstruction"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["numpy", "peppygen"]

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }

[build-system]
requires = ["setuptools", "wheel"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["fake_video_reconstruction"]
"""

PROGRAM = """\
import asyncio
import tempfile
from pathlib import Path

import numpy as np
import peppygen.consumed_services.uvc_camera_get_camera_info as camera_info
from peppygen import NodeBuilder
from peppygen.consumed_topics import uvc_camera_video_stream


async def record(node_runner, seconds):
    response = await camera_info.poll(node_runner, timeout=10.0)
    fps = int(response.data.interval.removesuffix("fps"))
    total = seconds * fps
    print(f"Recording {total} frames ({seconds} seconds at {fps} fps)...")
    frames = []
    while len(frames) < total:
        instance_id, message = await uvc_camera_video_stream.on_next_message_received(
            node_runner, None, response.instance_id
        )
        picture = np.frombuffer(message.frame, dtype=np.uint8)
        frames.append(picture.reshape(message.height, message.width))
        if message.header.frame_id < 0 or message.header.stamp <= 0:
            raise ValueError(message.header)
        if len(frames) % fps == 0:
            print(f"Recorded {len(frames)}/{total} frames of {instance_id}")
    print("Recording complete. Encoding video...")
    path = Path(tempfile.mkdtemp()) / "reconstructed_video.npy"
    np.save(path, np.stack(frames))
    print(f"Video saved to: {path}")


async def setup(params, node_runner):
    asyncio.create_task(record(node_runner, params.video_duration_seconds))


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

RECORDER: dict[str, str] = {
    "peppy.json5": DOCUMENT,
    "pyproject.toml": PROJECT,
    "fake_video_reconstruction/__init__.py": "",
    "fake_video_reconstruction/__main__.py": PROGRAM,
}

FILES: dict[str, str] = {
    f"python/fake_video_reconstruction/{name}": text for name, text in RECORDER.items()
}
"""Everything in the repository, by its path."""
