"""What is typed about the instances that are meant, and what reaches the daemon of it."""

from pathlib import Path
from typing import Any

import pytest

from peppy.cli.drawing.launch import plan
from peppy.cli.run import run
from peppy.schema.control import AddNode, BuildNode, RunNode
from peppy.schema.launch import LaunchPlanView, PlannedInstance, PlannedNode
from peppy.schema.names import InstanceId
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import ADDED, BUILT, HELLO, STARTED

EYES = ("--bind", "left=front", "--bind", "right=rear")


def answer(request: Request[Any]) -> list[object]:
    match request:
        case AddNode():
            return [ADDED]
        case BuildNode():
            return [BUILT]
        case _:
            return [STARTED]


@pytest.mark.parametrize(
    "words",
    [
        ("run", str(HELLO), "name=you", *EYES),
        ("run", *EYES, str(HELLO), "name=you"),
        ("add", "-sr", ".", "name=you", *EYES),
        ("add", *EYES, "--run", ".", "name=you"),
    ],
)
def test_what_is_bound_reaches_the_daemon(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    with FakeDaemon(tmp_path, answer) as daemon:
        assert run(["node", *words]) == 0
    request = daemon.requests[-1]
    assert isinstance(request, RunNode)
    assert request.bindings == {"left": "front", "right": "rear"}
    assert request.arguments == ("name=you",)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--bind", "front"], "'front' binds nothing"),
        (["--bind", "=front"], "'=front' binds nothing"),
        (["--bind", "left="], "'' is not an instance id"),
        (["--bind", "left=a/b"], "'a/b' is not an instance id"),
        (["--bind", "left=a", "--bind", "left=b"], "'--bind' has 'left' twice"),
    ],
)
def test_what_binds_nothing_is_refused_before_anything_is_asked(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["node", "run", str(HELLO), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_a_binding_without_an_instance_to_bind_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["node", "add", ".", *EYES]) == 2
    assert "'--bind' is for an instance, and none is asked for" in capsys.readouterr().err


def test_a_plan_says_which_instance_a_label_means() -> None:
    instance = PlannedInstance(
        instance_id=InstanceId("screen"),
        arguments={"rate": 3},
        restart="always",
        bindings={"left": InstanceId("front")},
    )
    node = PlannedNode(node=HELLO, origin="/x", variant="default", wave=0, instances=(instance,))
    view = LaunchPlanView(launcher="x", stops=(), removes=(), nodes=(node,), dependencies=())
    assert f"- screen ({HELLO}) [restart: always] [left: front]: rate=3" in plan(view).splitlines()
