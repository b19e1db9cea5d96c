"""Two nodes that talk to one another: one is linked to the other, which hears whoever commands."""

ARM = """\
{
  schema_version: 1,
  manifest: {
    name: "robot_arm",
    tag: "0.1.0",
    // No depends_on: the controller depends on this one.
  },
  interfaces: {
    topics: {
      emits: [
        {
          name: "joint_states",
          qos_profile: "sensor_data",
          message_format: {
            positions: { $type: "array", $items: "f64", $length: 3 },
            velocities: { $type: "array", $items: "f64", $length: 3 },
            timestamp: "time",
            links: { $type: "array", $items: { $type: "object", name: "string", load: "f32" } },
            raw: "bytes",
          },
        },
      ],
      consumes: [
        {
          name: "joint_commands",
          message_format: {
            target_positions: { $type: "array", $items: "f64", $length: 3 },
            max_velocity: "f64",
          },
        },
      ],
    },
  },
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "robot_arm"],
  },
}
"""

ARM_PROGRAM = """\
import asyncio
import json
import time
from pathlib import Path

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import joint_commands
from peppygen.emitted_topics import joint_states
from peppygen.parameters import Parameters

CONFIG = json.loads((Path(__file__).resolve().parents[2] / "config" / "joints.json").read_text())


async def report(node_runner: NodeRunner, positions: list[float]):
    await joint_states.emit(
        node_runner,
        positions,
        [0.0, 0.0, 0.0],
        time.time(),
        links=[joint_states.MessageLinksItem(name=name, load=0.5) for name in CONFIG["links"]],
        raw=b"\\x00\\x01",
    )


async def handle_commands(node_runner: NodeRunner):
    count = 0
    while True:
        try:
            instance_id, command = await asyncio.wait_for(
                joint_commands.on_next_message_received(node_runner), timeout=0.5
            )
        except asyncio.TimeoutError:
            await report(node_runner, [0.0, 0.0, 0.0])
            continue
        count += 1
        print(
            f"received {count} from {instance_id}: "
            f"target={command.target_positions} max_vel={command.max_velocity}"
        )
        await report(node_runner, command.target_positions)
        await asyncio.sleep(0.05)


async def setup(_params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    async def park():
        print("parked")

    node_runner.on_shutdown(park)
    return [asyncio.create_task(handle_commands(node_runner))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

CONTROLLER = """\
{
  schema_version: 1,
  manifest: {
    name: "arm_controller",
    tag: "0.1.0",
    depends_on: { nodes: [{ name: "robot_arm", tag: "0.1.0", local_id: "robot_arm" }] },
  },
  interfaces: {
    topics: {
      emits: [
        {
          name: "joint_commands",
          qos_profile: "reliable",
          message_format: {
            target_positions: { $type: "array", $items: "f64", $length: 3 },
            max_velocity: "f64",
          },
        },
      ],
      consumes: [{ local_node_id: "robot_arm", name: "joint_states" }],
    },
  },
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "arm_controller"],
  },
}
"""

CONTROLLER_PROGRAM = """\
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import robot_arm_joint_states
from peppygen.emitted_topics import joint_commands
from peppygen.parameters import Parameters


def compute_next_target(current: list[float]) -> list[float]:
    return [current[0] + 0.1, current[1], current[2]]


async def control_loop(node_runner: NodeRunner):
    try:
        while True:
            instance_id, state = await robot_arm_joint_states.on_next_message_received(node_runner)
            links = ", ".join(f"{link.name} {link.load:.1f}" for link in state.links)
            print(f"{instance_id} with {links} and {state.raw!r} is at {state.positions[0]:.1f}")
            await joint_commands.emit(
                node_runner,
                target_positions=compute_next_target(state.positions),
                max_velocity=1.0,
            )
    finally:
        print("controller stopped")


async def setup(_params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    return [asyncio.create_task(control_loop(node_runner))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""


def _project(name: str) -> str:
    """Return a project as uv makes them with `uv init --package`, and peppygen added."""
    return f"""\
[project]
name = "{name}"
version = "0.1.0"
description = "Add your description here"
readme = "README.md"
authors = [
    {{ name = "A Person", email = "person@example.com" }}
]
requires-python = ">=3.11,<3.14"
dependencies = [
    "peppygen",
]

[project.scripts]
{name} = "{name}.__main__:main"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[dependency-groups]
dev = []

[tool.uv.sources]
peppygen = {{ path = ".peppy/libs/peppygen" }}
"""


FILES: dict[str, str] = {
    "python/robot_arm/peppy.json5": ARM,
    "python/robot_arm/pyproject.toml": _project("robot_arm"),
    "python/robot_arm/README.md": "",
    "python/robot_arm/config/joints.json": '{ "links": ["shoulder", "elbow"] }\n',
    "python/robot_arm/src/robot_arm/__init__.py": "",
    "python/robot_arm/src/robot_arm/__main__.py": ARM_PROGRAM,
    "python/arm_controller/peppy.json5": CONTROLLER,
    "python/arm_controller/pyproject.toml": _project("arm_controller"),
    "python/arm_controller/README.md": "",
    "python/arm_controller/src/arm_controller/__init__.py": "",
    "python/arm_controller/src/arm_controller/__main__.py": CONTROLLER_PROGRAM,
}
