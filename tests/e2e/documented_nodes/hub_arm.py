"""The controller of `nodes_hub`: Rust at the root, and a mock that repeats the interfaces."""

RUST_PROJECT = """\
[package]
name = "uvc_camera"
version = "0.1.0"
edition = "2024"

[dependencies]
peppygen = { path = ".peppy/libs/peppygen" }
"""

CONTROLLER_ROOT = """\
{
  schema_version: 1,
  manifest: {
    name: "openarm01_controller",
    tag: "0.1.0",
    variants: [{ name: "mock-python", source: { local: "variants/mock-python" } }],
  },
  interfaces: {
    actions: {
      exposes: [
        {
          name: "move_arm",
          goal_service: {
            request_message_format: {
              arm_id: "u16",
              desired_position: { $type: "array", $items: "i32", $length: 3 },
            },
            response_message_format: { accepted: "bool" },
          },
          feedback_topic: {
            qos_profile: "sensor_data",
            message_format: { new_position: { $type: "array", $items: "i32", $length: 3 } },
          },
          result_service: {
            response_message_format: {
              success: "bool",
              error_msg: { $type: "string", $optional: true },
              final_position: { $type: "array", $items: "i32", $length: 3 },
            },
          },
        },
      ],
    },
  },
  execution: {
    language: "rust",
    build_cmd: ["cargo", "build", "--release"],
    run_cmd: ["./target/release/openarm01_controller"],
  },
}
"""

CONTROLLER_MOCK = """\
{
  schema_version: 1,
  // The interfaces again, fields in another order: they are the root's all the same.
  interfaces: {
    actions: {
      exposes: [
        {
          name: "move_arm",
          result_service: {
            response_message_format: {
              final_position: { $length: 3, $items: "i32", $type: "array" },
              success: "bool",
              error_msg: { $optional: true, $type: "string" },
            },
          },
          feedback_topic: {
            message_format: { new_position: { $type: "array", $items: "i32", $length: 3 } },
            qos_profile: "sensor_data",
          },
          goal_service: {
            response_message_format: { accepted: "bool" },
            request_message_format: {
              desired_position: { $type: "array", $items: "i32", $length: 3 },
              arm_id: "u16",
            },
          },
        },
      ],
    },
  },
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "mock_openarm01_controller"],
  },
}
"""

CONTROLLER_PROJECT = """\
[build-system]
requires = ["setuptools>=68"]
build-backend = "setuptools.build_meta"

[project]
name = "mock_openarm01_controller"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["peppygen"]

[project.scripts]
mock_openarm01_controller = "mock_openarm01_controller.__main__:main"

[tool.setuptools.packages.find]
where = ["src"]

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen", editable = true }
"""

CONTROLLER_PROGRAM = """\
import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.exposed_actions import move_arm
from peppygen.parameters import Parameters

from .motion import steps

target = [0, 0, 0]


def on_goal(request):
    global target
    print(f"goal received: arm_id={request.data.arm_id} desired={request.data.desired_position}")
    target = request.data.desired_position
    return move_arm.GoalResponse(accepted=request.data.arm_id == 7)


async def on_cancel(request):
    print(f"cancel request from {request.instance_id}")
    return move_arm.CancelResponse(accepted=True, error_message="goal cancelled")


async def on_result(request):
    return move_arm.ResultResponse(True, None, target)


async def serve_goals(node_runner: NodeRunner):
    action = await move_arm.ActionHandle.expose(node_runner)
    while True:
        await action.handle_goal_next_request(on_goal)
        for position in steps(target):
            await action.emit_feedback(position)
            await asyncio.sleep(0.02)
        cancel = asyncio.create_task(action.handle_cancel_next_request(on_cancel))
        result = asyncio.create_task(action.handle_result_next_request(on_result))
        done, pending = await asyncio.wait([cancel, result], return_when="FIRST_COMPLETED")
        for task in pending:
            task.cancel()


async def setup(_params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    return [asyncio.create_task(serve_goals(node_runner))]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

CONTROLLER_MOTION = """\
def steps(target):
    for tenth in range(0, 11, 2):
        yield [joint * tenth // 10 for joint in target]
"""

FILES: dict[str, str] = {
    "openarm01_controller/peppy.json5": CONTROLLER_ROOT,
    "openarm01_controller/Cargo.toml": RUST_PROJECT,
    "openarm01_controller/src/main.rs": "fn main() {}\n",
    "openarm01_controller/variants/mock-python/peppy.json5": CONTROLLER_MOCK,
    "openarm01_controller/variants/mock-python/pyproject.toml": CONTROLLER_PROJECT,
    "openarm01_controller/variants/mock-python/src/mock_openarm01_controller/__init__.py": "",
    "openarm01_controller/variants/mock-python/src/mock_openarm01_controller/__main__.py": (
        CONTROLLER_PROGRAM
    ),
    "openarm01_controller/variants/mock-python/src/mock_openarm01_controller/motion.py": (
        CONTROLLER_MOTION
    ),
}
