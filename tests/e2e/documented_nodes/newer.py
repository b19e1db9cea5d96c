"""Nodes of the newer generation, with their launch file: projects of other shapes."""

SPEAKER = """\
{
  peppy_schema: "node_v1",
  manifest: { name: "hello_world_param", tag: "v1" },
  interfaces: {
    topics: {
      emits: [
        {
          name: "message_stream",
          qos_profile: "sensor_data",
          message_format: { message: "string" },
        },
      ],
    },
  },
  execution: {
    language: "python",
    parameters: { name: "string" },
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "python", "-m", "hello_world_param"],
  },
}
"""

SPEAKER_PROJECT = """\
[project]
name = "hello-world-param"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["peppygen"]

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
packages = ["hello_world_param"]

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }
"""

SPEAKER_PROGRAM = """\
import asyncio
from pathlib import Path

from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import message_stream
from peppygen.parameters import Parameters

GREETING = (Path(__file__).parent.parent / "greeting.txt").read_text().strip()


async def emit_hello_world_loop(node_runner: NodeRunner, name: str):
    counter = 0
    try:
        while True:
            counter += 1
            await message_stream.emit(node_runner, f"{GREETING} {name} count {counter}")
            await asyncio.sleep(0.2)
    finally:
        print("flushed")


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    def release():
        print("released")

    node_runner.on_shutdown(release)
    return [asyncio.create_task(emit_hello_world_loop(node_runner, params.name))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

RECEIVER = """\
{
  peppy_schema: "node_v1",
  manifest: {
    name: "hello_receiver",
    tag: "v1",
    depends_on: {
      nodes: [{ name: "hello_world_param", tag: "v1", link_id: "hello_world_param" }],
    },
  },
  interfaces: {
    topics: { consumes: [{ link_id: "hello_world_param", name: "message_stream" }] },
  },
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "main.py"],
  },
}
"""

RECEIVER_PROJECT = """\
[project]
name = "hello-receiver"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["peppygen"]

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }
"""
"""As `uv init` makes it: no package, a script beside it."""

RECEIVER_PROGRAM = """\
import asyncio

from peppygen import NodeBuilder
from peppygen.consumed_topics.hello_world_param_message_stream import on_next_message_received


async def setup(_params, node_runner):
    async def receive():
        heard = {}
        while len(heard) < 2:
            instance_id, message = await on_next_message_received(node_runner)
            if instance_id not in heard:
                heard[instance_id] = message
                print(f"Received from {instance_id}: {message.message.rpartition(' ')[0]}")
        print("heard them all")
        node_runner.cancellation_token().cancel()

    return [asyncio.ensure_future(receive())]


if __name__ == "__main__":
    NodeBuilder().run(setup)
"""

LAUNCHER = """\
{
  peppy_schema: "launcher_v1",
  deployments: [
    {
      source: { local: "./hello_world_param" },
      instances: [
        { instance_id: "planet", arguments: { name: "planet" } },
        { instance_id: "you", arguments: { name: "you" } },
      ],
    },
    { source: { local: "./hello_receiver" }, instances: [{ instance_id: "ear" }] },
  ],
}
"""

FILES: dict[str, str] = {
    "hello.json5": LAUNCHER,
    "hello_world_param/peppy.json5": SPEAKER,
    "hello_world_param/pyproject.toml": SPEAKER_PROJECT,
    "hello_world_param/greeting.txt": "hello\n",
    "hello_world_param/hello_world_param/__init__.py": "",
    "hello_world_param/hello_world_param/__main__.py": SPEAKER_PROGRAM,
    "hello_receiver/peppy.json5": RECEIVER,
    "hello_receiver/pyproject.toml": RECEIVER_PROJECT,
    "hello_receiver/main.py": RECEIVER_PROGRAM,
}
