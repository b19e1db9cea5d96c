"""`nodes_hub`: nodes of the older generation, as a repository of several has them.

Roots without an execution of their own, Rust ones, and mocks in Python below `variants/`.
"""

from tests.e2e.documented_nodes import hub_arm

CAMERA_ROOT = """\
// Any camera that Linux knows. The real one is in Rust; mocks are beside it.
{
  schema_version: 1,
  manifest: {
    name: "uvc_camera",
    tag: "0.1.0",
    labels: ["camera", "hardware"],
    variants: [
      { name: "default", source: { local: "./variants/default" } },
      { name: "mock-rust", source: { local: "./variants/mock-rust" } },
      { name: "mock-python", source: { local: "./variants/mock-python" } },
    ],
  },
  interfaces: {
    topics: {
      emits: [
        {
          name: "video_stream",
          qos_profile: "sensor_data",
          message_format: {
            header: { $type: "object", stamp: "time", frame_id: "u32" },
            encoding: "string",
            width: "u32",
            height: "u32",
            frame: { $type: "array", $items: "u8" },
          },
        },
      ],
    },
    services: {
      exposes: [
        {
          name: "enable_camera",
          request_message_format: { enable: "bool" },
          response_message_format: {
            enabled: "bool",
            error_msg: { $type: "string", $optional: true },
          },
        },
        {
          name: "get_camera_info",
          response_message_format: { card_type: "string", size: "string", interval: "string" },
        },
      ],
    },
  },
}
"""

RUST_EXECUTION = """\
{
  schema_version: 1,
  execution: {
    language: "rust",
    parameters: { device_path: "string" },
    build_cmd: ["cargo", "build", "--release"],
    run_cmd: ["./target/release/uvc_camera"],
  },
}
"""

CAMERA_MOCK = """\
{
  "schema_version": 1,
  "execution": {
    "language": "python",
    "parameters": {
      "device_path": "string",
      "video": {
        "frame_rate": "u16",
        "resolution": { "width": "u16", "height": "u16" },
        "camera_encoding": "string",
        "topic_encoding": "string",
      },
    },
    "build_cmd": ["uv", "sync", "--no-editable"],
    "run_cmd": ["./.venv/bin/python", "-m", "mock_uvc_camera"],
  },
}
"""

CAMERA_PROJECT = """\
[project]
name = "mock-uvc-camera"
version = "0.1.0"
description = "A camera that has no lens"
readme = "README.md"
requires-python = ">=3.11,<3.14"
dependencies = [
    "numpy>=1.26",
    "peppygen",
]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/mock_uvc_camera"]

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }
"""

CAMERA_PROGRAM = """\
import asyncio
import json
import os
import time
from pathlib import Path

import numpy as np
from peppygen import NodeBuilder, NodeRunner, StandaloneConfig
from peppygen.emitted_topics import video_stream
from peppygen.exposed_services import enable_camera, get_camera_info
from peppygen.parameters import Parameters


class MockCamera:
    def __init__(self, node_runner: NodeRunner, params: Parameters):
        self.node_runner = node_runner
        self.video = params.video
        self.enabled = True
        self.palette = np.frombuffer(Path("assets/palette.bin").read_bytes(), dtype=np.uint8)

    def render(self, count: int) -> np.ndarray:
        width, height = self.video.resolution.width, self.video.resolution.height
        grey = np.tile((np.arange(width) + count).astype(np.uint8), (height, 1))
        return self.palette[grey]

    async def stream(self):
        token = self.node_runner.cancellation_token()
        frame_id = 0
        print("[uvc_camera] Starting video loop...")
        while not token.is_cancelled():
            if self.enabled:
                await video_stream.emit(
                    self.node_runner,
                    video_stream.MessageHeader(stamp=time.time(), frame_id=frame_id),
                    self.video.topic_encoding,
                    self.video.resolution.width,
                    self.video.resolution.height,
                    self.render(frame_id).tobytes(),
                )
                frame_id += 1
                if frame_id % 20 == 0:
                    print(f"[uvc_camera] Emitted frame {frame_id}")
            await asyncio.sleep(1.0 / self.video.frame_rate)

    async def serve_enable(self):
        while True:
            await enable_camera.handle_next_request(self.node_runner, self.on_enable)

    def on_enable(self, request: enable_camera.Request) -> enable_camera.Response:
        print(f"enable={request.data.enable} from {request.instance_id}")
        self.enabled = request.data.enable
        return enable_camera.Response(enabled=self.enabled, error_msg=None)

    async def serve_info(self):
        async def handler(request: get_camera_info.Request):
            await asyncio.sleep(0)
            size = f"{self.video.resolution.width}x{self.video.resolution.height}"
            return get_camera_info.Response("Mock UVC", size, f"{self.video.frame_rate}fps")

        while True:
            await get_camera_info.handle_next_request(self.node_runner, handler)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    width, height = params.video.resolution.width, params.video.resolution.height
    print(
        f"[uvc_camera] Video params: {width}x{height} @ {params.video.frame_rate} fps, "
        f"encoding: {params.video.topic_encoding}, device: {params.device_path}, "
        f"exposure: {os.environ.get('CAMERA_EXPOSURE', 'auto')}"
    )
    camera = MockCamera(node_runner, params)
    return [
        asyncio.create_task(camera.stream()),
        asyncio.create_task(camera.serve_enable()),
        asyncio.create_task(camera.serve_info()),
    ]


def main():
    builder = NodeBuilder()
    if os.path.exists("params.json"):
        with open("params.json") as f:
            builder = builder.standalone(StandaloneConfig().with_parameters(json.load(f)))
    builder.run(setup)


if __name__ == "__main__":
    main()
"""

CAMERA_PARAMS = """\
{
  "device_path": "/dev/video0",
  "video": {
    "frame_rate": 10,
    "resolution": { "width": 8, "height": 4 },
    "camera_encoding": "mjpeg",
    "topic_encoding": "mono8"
  }
}
"""

FILES: dict[str, str] = {
    "README.md": "# Nodes hub\n",
    ".gitignore": ".peppy\n.venv\ntarget\n__pycache__\n",
    "uvc_camera/peppy.json5": CAMERA_ROOT,
    "uvc_camera/variants/default/peppy.json5": RUST_EXECUTION,
    "uvc_camera/variants/default/Cargo.toml": hub_arm.RUST_PROJECT,
    "uvc_camera/variants/default/src/main.rs": "fn main() {}\n",
    "uvc_camera/variants/mock-rust/peppy.json5": RUST_EXECUTION,
    "uvc_camera/variants/mock-rust/Cargo.toml": hub_arm.RUST_PROJECT,
    "uvc_camera/variants/mock-rust/src/main.rs": "fn main() {}\n",
    "uvc_camera/variants/mock-python/peppy.json5": CAMERA_MOCK,
    "uvc_camera/variants/mock-python/pyproject.toml": CAMERA_PROJECT,
    "uvc_camera/variants/mock-python/README.md": "# A camera that has no lens\n",
    "uvc_camera/variants/mock-python/params.json": CAMERA_PARAMS,
    "uvc_camera/variants/mock-python/assets/palette.bin": "".join(map(chr, range(128))) * 2,
    "uvc_camera/variants/mock-python/src/mock_uvc_camera/__init__.py": "",
    "uvc_camera/variants/mock-python/src/mock_uvc_camera/__main__.py": CAMERA_PROGRAM,
    **hub_arm.FILES,
}
"""Everything in it, by its path."""
