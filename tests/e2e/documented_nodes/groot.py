"""`groot-brain`: flavors of one brain with code that they share, and a robot that takes one."""

_INTERFACES = """\
  interfaces: {
    topics: {
      emits: [
        {
          name: "joint_targets",
          qos_profile: "sensor_data",
          message_format: { positions: { $type: "array", $items: "f64", $length: 6 } },
        },
      ],
    },
  },
"""

FLAVOR = (
    """\
{
  schema_version: 1,
  manifest: { name: "openarm01_brain", tag: "0.1.0" },
"""
    + _INTERFACES
    + """\
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "openarm01_brain"],
  },
}
"""
)

ROOT = (
    """\
{
  schema_version: 1,
  manifest: { name: "brain", tag: "0.1.0" },
"""
    + _INTERFACES
    + """\
  execution: {
    language: "rust",
    build_cmd: ["cargo", "build", "--release"],
    run_cmd: ["./target/release/brain"],
  },
}
"""
)

PROJECT = """\
[project]
name = "openarm01_brain"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["peppygen", "groot-shared"]

[project.scripts]
openarm01_brain = "openarm01_brain:main"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }
groot-shared = { git = "SERVED/groot-brain.git", subdirectory = "shared" }
"""

PROGRAM = """\
import asyncio

from groot_shared import policy
from peppygen import NodeBuilder, NodeRunner
from peppygen.emitted_topics import joint_targets
from peppygen.parameters import Parameters


async def think(node_runner: NodeRunner):
    step = 0
    while not node_runner.cancellation_token().is_cancelled():
        await joint_targets.emit(node_runner, positions=policy(step))
        step += 1
        await asyncio.sleep(0.1)


async def setup(params: Parameters, node_runner: NodeRunner):
    print(f"{node_runner.node_name()} thinks with {len(policy(0))} joints")
    return asyncio.create_task(think(node_runner))


def main():
    NodeBuilder().run(setup)
"""

SHARED_PROJECT = """\
[project]
name = "groot-shared"
version = "0.1.0"
requires-python = ">=3.11,<3.14"

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"
"""

SHARED = """\
def policy(step: int) -> list[float]:
    return [step / 10] * 6
"""


def files(served: str) -> dict[str, str]:
    """Return everything in the repository, by its path; it is served below `served`."""
    return {
        "shared/pyproject.toml": SHARED_PROJECT,
        "shared/src/groot_shared/__init__.py": SHARED,
        "openarm01/peppy.json5": FLAVOR,
        "openarm01/pyproject.toml": PROJECT.replace("SERVED", served),
        "openarm01/src/openarm01_brain/__init__.py": PROGRAM,
    }


ROBOT: dict[str, str] = {
    "python/brain/peppy.json5": ROOT,
    "python/brain/Cargo.toml": '[package]\nname = "brain"\nversion = "0.1.0"\n',
    "python/brain/src/main.rs": "fn main() {}\n",
}
"""The root that takes the flavor, in the robot's own repository."""
