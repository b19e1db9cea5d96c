"""Two cameras and who looks at which of them: launch files and `--bind`, with real processes."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import instances, make, refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

FILM = """from peppygen.emitted_topics import frame
        from peppygen.exposed_services import zoom
        def zoomed(request):
            print("zoomed for", request.instance_id, flush=True)
            return zoom.Response(1)
        zooming = asyncio.create_task(zoom.handle_requests(node_runner, zoomed))
        while True:
            await frame.emit(node_runner, 1)
            await asyncio.sleep(0.02)"""

FILMS = """
    topics: { emits: [ { name: "frame", qos_profile: "QOS", message_format: { n: "u32" } } ] },
    services: { exposes: [ { name: "zoom", response_message_format: { n: "u8" } } ] },
"""

LOOK = """from peppygen.consumed_services import eye_zoom
        from peppygen.consumed_topics import eye_frame
        heard, zoomed = set(), set()
        while True:
            for _ in range(40):
                heard.add((await eye_frame.on_next_message_received(node_runner))[0])
            zoomed.add((await eye_zoom.poll(node_runner, 5.0)).instance_id)
            print("heard", *sorted(heard), flush=True)
            print("zoomed", *sorted(zoomed), flush=True)"""

LOOKS = """
    topics: { consumes: [ { local_node_id: "eye", name: "frame" } ] },
    services: { consumes: [ { local_node_id: "eye", name: "zoom" } ] },
"""

LOOKS_TWICE = """topics: { consumes: [
    { local_node_id: "left", name: "frame" }, { local_node_id: "right", name: "frame" },
] }"""

LOOK_TWICE = """from peppygen.consumed_topics import left_frame, right_frame
        async with left_frame.subscribe(node_runner) as left:
            async with right_frame.subscribe(node_runner) as right:
                pairs = {((await anext(left))[0], (await anext(right))[0]) for _ in range(40)}
        print("pairs", *sorted(pairs), flush=True)"""


def needs(*labels: str) -> str:
    listed = ", ".join(f'{{ name: "camera", tag: "v1", local_id: "{each}" }}' for each in labels)
    return f"depends_on: {{ nodes: [{listed}] }}"


def robot(peppy: Peppy, qos: str) -> Path:
    """Write the nodes and a launch of all of them; return its file."""
    make(peppy, "camera", work=FILM, interfaces=FILMS.replace("QOS", qos))
    make(peppy, "viewer", work=LOOK, interfaces=LOOKS, manifest=needs("eye"))
    make(peppy, "stereo", work=LOOK_TWICE, interfaces=LOOKS_TWICE, manifest=needs("left", "right"))
    launched: dict[str, dict[str, dict[str, str]]] = {
        "viewer": {"one": {"eye": "front"}, "other": {"eye": "rear"}, "free": {}},
        "stereo": {"both": {"left": "front", "right": "rear"}},
        "camera": {"front": {}, "rear": {}},
    }
    deployments: list[dict[str, Any]] = [
        {
            "source": {"local": f"./{node}"},
            "instances": [
                {"instance_id": name, "bindings": bindings} for name, bindings in each.items()
            ],
        }
        for node, each in launched.items()
    ]
    path = peppy.work / "robot.json5"
    path.write_text(json.dumps({"peppy_schema": "launcher_v1", "deployments": deployments}))
    return path


def lines(peppy: Peppy, instance: str, word: str) -> list[str]:
    """Return what an instance has said after this word since it was started."""
    since = peppy.log_of(instance).rpartition("Executing run_cmd")[2]
    return [line.partition(f"{word} ")[2] for line in since.splitlines() if f"{word} " in line]


def said(peppy: Peppy, instance: str, word: str) -> str:
    """Return the last of that, once there is some."""
    found: list[str] = wait_until(lambda: lines(peppy, instance, word), f"{word} of {instance}")
    return found[-1].strip()


@pytest.mark.thorough
def test_each_viewer_sees_the_camera_that_it_is_bound_to(peppy: Peppy) -> None:
    peppy("stack", "launch", str(robot(peppy, "reliable")))
    wait_until(lambda: said(peppy, "free", "heard") == "front rear", "both cameras at a free one")
    assert said(peppy, "one", "heard") == "front"
    assert said(peppy, "one", "zoomed") == "front"
    assert said(peppy, "other", "heard") == "rear"
    assert said(peppy, "other", "zoomed") == "rear"
    assert said(peppy, "both", "pairs") == "('front', 'rear')"
    assert instances(peppy)["both"]["bindings"] == {"left": "front", "right": "rear"}
    assert "bound: eye to rear" in peppy("node", "info", "viewer:v1")

    peppy("stack", "restart", "--yes")
    wait_until(lambda: said(peppy, "free", "heard") == "front rear", "both cameras again")
    assert said(peppy, "one", "heard") == "front"
    assert instances(peppy)["one"]["bindings"] == {"eye": "front"}


def test_a_bound_viewer_hears_nobody_else_while_its_camera_is_gone(peppy: Peppy) -> None:
    peppy("stack", "launch", str(robot(peppy, "standard")))
    peppy("node", "stop", "one")
    os.kill(instances(peppy)["front"]["pid"], signal.SIGKILL)
    wait_until(lambda: instances(peppy)["front"]["state"] == "failed", "its end")
    done = peppy.try_("node", "run", "viewer:v1", "-i", "late", "--bind", "eye=front")
    assert done.returncode == 0, done.stderr
    rounds = len(lines(peppy, "other", "heard"))
    wait_until(lambda: len(lines(peppy, "other", "heard")) >= rounds + 3, "what others hear")
    assert lines(peppy, "late", "heard") == []
    peppy("node", "stop", "front")
    peppy("node", "run", "camera:v1", "-i", "front")
    assert said(peppy, "late", "heard") == "front"


def test_one_instance_is_bound_on_the_command_line(peppy: Peppy) -> None:
    peppy("stack", "launch", str(robot(peppy, "reliable")))
    wrong = refused(peppy.try_("node", "run", "viewer:v1", "--bind", "eyes=front"))
    assert "'eyes' is no dependency of node 'viewer:v1'; did you mean 'eye'?" in wrong
    wrong = refused(peppy.try_("node", "run", "viewer:v1", "--bind", "eye=both"))
    assert "'both' is one of 'stereo:v1'" in wrong
    done = peppy.try_("node", "run", "viewer:v1", "-i", "early", "--bind", "eye=third")
    assert done.returncode == 0, done.stderr
    assert "'eye' is bound to 'third', which is not there yet" in done.stderr
    peppy("node", "run", "camera:v1", "-i", "third")
    assert said(peppy, "early", "heard") == "third"
    assert said(peppy, "early", "zoomed") == "third"
