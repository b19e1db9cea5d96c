"""`launch_example`: a brain, and launch files with every kind of source, of both languages."""

BRAIN = """\
{
  schema_version: 1,
  manifest: {
    name: "fake_robot_brain",
    tag: "0.1.0",
    depends_on: {
      nodes: [
        { name: "uvc_camera", tag: "0.1.0", local_id: "camera" },
        { name: "openarm01_controller", tag: "0.1.0", local_id: "arm" },
      ],
    },
  },
  interfaces: {
    topics: { emits: [], consumes: [{ local_node_id: "camera", name: "video_stream" }] },
    services: { exposes: [], consumes: [{ local_node_id: "camera", name: "enable_camera" }] },
    actions: { exposes: [], consumes: [{ local_node_id: "arm", name: "move_arm" }] },
  },
  execution: {
    language: "python",
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "fake_robot_brain"],
  },
}
"""

BRAIN_PROJECT = """\
[project]
name = "fake_robot_brain"
version = "0.1.0"
requires-python = ">=3.11,<3.14"
dependencies = ["peppygen"]

[project.scripts]
fake_robot_brain = "fake_robot_brain.__main__:main"

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.uv.sources]
peppygen = { path = ".peppy/libs/peppygen" }
"""

BRAIN_LOCK = """\
version = 1
revision = 2
requires-python = ">=3.11, <3.14"

[[package]]
name = "fake-robot-brain"
version = "0.1.0"
source = { editable = "." }
dependencies = [
    { name = "peppygen" },
]

[package.metadata]
requires-dist = [{ name = "peppygen", directory = ".peppy/libs/peppygen" }]

[[package]]
name = "peppygen"
version = "0.7.0"
source = { directory = ".peppy/libs/peppygen" }
"""
"""As another machine made it, where the bindings had another version and no requirements."""

BRAIN_PROGRAM = """\
import asyncio

from peppygen import NodeBuilder, NodeRunner, QoSProfile
from peppygen.consumed_actions import arm_move_arm
from peppygen.consumed_services import camera_enable_camera
from peppygen.consumed_topics import camera_video_stream
from peppygen.parameters import Parameters


async def watch(node_runner: NodeRunner):
    seen = set()
    while True:
        instance_id, frame = await camera_video_stream.on_next_message_received(node_runner)
        if instance_id not in seen:
            seen.add(instance_id)
            size = f"{frame.width}x{frame.height}"
            print(f"got {size} frame encoded as {frame.encoding} from {instance_id}")


async def enable(node_runner: NodeRunner):
    for camera in ("camera_front", "camera_rear"):
        response = await camera_enable_camera.poll(
            node_runner,
            camera_enable_camera.Request(enable=True),
            5.0,
            target_instance_id=camera,
        )
        answer = response.data
        print(f"{response.instance_id} enabled={answer.enabled} error={answer.error_msg}")
    try:
        await camera_enable_camera.poll(
            node_runner, camera_enable_camera.Request(True), 0.2, None, "camera_none"
        )
    except ConnectionError as error:
        print(f"unreachable: {error}")


async def move(node_runner: NodeRunner):
    request = arm_move_arm.GoalRequest(arm_id=7, desired_position=[10, 20, 30])
    goal = await arm_move_arm.ActionHandle.fire_goal(
        node_runner, request, 5.0, QoSProfile.SensorData
    )
    print(f"goal accepted={goal.data.accepted}")
    feedback = await goal.on_next_feedback_message()
    print(f"new_position={feedback.new_position}")
    result = await goal.get_result(5.0)
    print(
        f"success={result.data.success} error={result.data.error_msg} "
        f"final_position={result.data.final_position} of {result.instance_id}"
    )
    goal = await arm_move_arm.ActionHandle.fire_goal(
        node_runner, request, timeout=5.0, feedback_qos=QoSProfile.Reliable
    )
    cancelled = await goal.cancel_goal(5.0)
    print(f"cancel accepted={cancelled.data.accepted} error={cancelled.data.error_message}")


async def setup(_params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task]:
    token = node_runner.cancellation_token()

    async def act():
        await enable(node_runner)
        await move(node_runner)
        await token.cancelled()

    return [asyncio.create_task(watch(node_runner)), asyncio.create_task(act())]


def main():
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

FILES: dict[str, str] = {
    "python/fake_robot_brain/peppy.json5": BRAIN,
    "python/fake_robot_brain/pyproject.toml": BRAIN_PROJECT,
    "python/fake_robot_brain/.python-version": "3.11\n",
    "python/fake_robot_brain/uv.lock": BRAIN_LOCK,
    "python/fake_robot_brain/src/fake_robot_brain/__init__.py": "",
    "python/fake_robot_brain/src/fake_robot_brain/__main__.py": BRAIN_PROGRAM,
}


def launcher(served: str, archive: str, sha256: str) -> str:
    """Return the launch file of the page, for repositories below `served` and this archive."""
    return f"""\
{{
  deployments: [
    // A node with a relative path; what it depends on comes later.
    {{
      source: {{ local: "./fake_robot_brain" }},
      instances: [{{ instance_id: "the_brain" }}],
    }},
    {{
      source: {{ url: "{archive}", sha256: "{sha256}" }},
      instances: [
        {{ instance_id: "video_reconstruction_1", arguments: {{ video_duration_seconds: 1 }} }},
      ],
    }},
    {{
      source: {{
        repo: "{served}/nodes_hub.git",
        path: "openarm01_controller",
        ref: "main",
        variant: {{ name: "mock-python" }},
      }},
      instances: [{{ instance_id: "the_nervous_system" }}],
    }},
    {{
      source: {{
        repo: "{served}/nodes_hub.git",
        path: "uvc_camera",
        ref: "v0.1.0",
        variant: {{ name: "mock-python" }},
      }},
      instances: [
        {{
          instance_id: "camera_front",
          env_vars: {{ CAMERA_EXPOSURE: "low" }},
          arguments: {{
            device_path: "/dev/video0",
            video: {{
              frame_rate: 20,
              resolution: {{ width: 16, height: 8 }},
              camera_encoding: "mjpeg",
              topic_encoding: "mono8",
            }},
          }},
        }},
        {{
          instance_id: "camera_rear",
          arguments: {{
            device_path: "/dev/video1",
            video: {{
              frame_rate: 10,
              resolution: {{ width: 8, height: 4 }},
              camera_encoding: "mjpeg",
              topic_encoding: "mono8",
            }},
          }},
        }},
      ],
    }},
    // Two that talk to one another, and a flavor from a third repository.
    {{ source: {{ local: "./arm_controller" }}, instances: [{{ instance_id: "planner" }}] }},
    {{ source: {{ local: "./robot_arm" }}, instances: [{{ instance_id: "joints" }}] }},
    {{
      source: {{
        local: "./brain",
        variant: {{ repo: "{served}/groot-brain.git", path: "openarm01", ref: "main" }},
      }},
      instances: [{{ instance_id: "groot" }}],
    }},
  ],
}}
"""
