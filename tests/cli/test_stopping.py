"""How long a client waits for a stop: always longer than the daemon takes."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from peppy.cli.asking import ask
from peppy.cli.run import run
from peppy.cli.stopping import levels, stop_timeout
from peppy.cli.terminal import Terminal
from peppy.schema.control import Edge, ListStack, StackView, StopInstance, StopView
from peppy.schema.durations import CLIENT_MARGIN, client_waits, stop_answer_after
from peppy.schema.names import InstanceId, NodeId, parse_node_id
from peppy.schema.runtime_config import DaemonState
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import CORE_ROW, HELLO, STACK, row

STOPPED = StopView(
    node=HELLO, instance_id=InstanceId("one"), forced=False, ended="exit code 0", seconds=0.1
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    monkeypatch.delenv("PEPPY_DAEMON_STATE_FILE", raising=False)
    return tmp_path


def state(grace: float) -> bytes:
    return msgspec.json.encode(
        DaemonState("core", 1, 7448, stop_answer_secs=stop_answer_after(grace))
    )


@pytest.mark.parametrize("grace", [1.0, 5.0, 300.0])
def test_a_client_waits_longer_than_the_daemon_that_runs(home: Path, grace: float) -> None:
    (home / "daemon_state.json").write_bytes(state(grace))
    assert stop_timeout() == client_waits(grace)
    assert stop_timeout(3) >= 3 * stop_answer_after(grace) + CLIENT_MARGIN


def test_the_state_file_may_lie_elsewhere(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = home / "state.json"
    elsewhere.write_bytes(state(60.0))
    monkeypatch.setenv("PEPPY_DAEMON_STATE_FILE", str(elsewhere))
    assert stop_timeout() == client_waits(60.0)


@pytest.mark.parametrize("text", [None, b"", b"{ half", b'{"daemon_pid": "x"}', b"\xff"])
def test_a_state_that_cannot_be_read_has_the_client_wait_as_by_default(
    home: Path, text: bytes | None
) -> None:
    if text is not None:
        (home / "daemon_state.json").write_bytes(text)
    assert stop_timeout() == client_waits()


def stack_of(*edges: tuple[str, str]) -> StackView:
    names = sorted({name for edge in edges for name in edge})
    rows = (msgspec.structs.replace(row(), node=node(name)) for name in names)
    return msgspec.structs.replace(
        STACK,
        nodes=(CORE_ROW, *rows),
        dependencies=tuple(Edge(dependent=node(a), dependency=node(b)) for a, b in edges),
    )


def node(name: str) -> NodeId:
    return parse_node_id(f"{name}:v1")


@pytest.mark.parametrize(
    ("edges", "height"),
    [
        ((), 1),
        ((("a", "b"),), 2),
        ((("a", "b"), ("c", "b"), ("a", "c")), 3),
        ((("a", "b"), ("b", "c"), ("c", "d")), 4),
        ((("c", "d"), ("b", "c"), ("a", "b")), 4),
    ],
)
def test_a_stack_is_as_high_as_its_longest_chain(
    edges: tuple[tuple[str, str], ...], height: int
) -> None:
    assert levels(stack_of(*edges)) == height


def test_a_ring_of_dependencies_has_an_end() -> None:
    assert levels(stack_of(("a", "b"), ("b", "a"))) <= 3


@pytest.mark.parametrize(
    "words", [["node", "stop", "one"], ["node", "remove", str(HELLO), "-f"], ["service", "stop"]]
)
def test_the_verbs_that_stop_something_wait_by_the_state_file(
    home: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hasty = DaemonState("core", 1, 7448, stop_answer_secs=0.1 - CLIENT_MARGIN)
    (home / "daemon_state.json").write_bytes(msgspec.json.encode(hasty))
    over = threading.Event()

    def script(request: Any) -> Iterator[object]:
        if isinstance(request, ListStack):
            yield STACK
        else:
            over.wait()

    with FakeDaemon(home, script):
        code = run(words)
        over.set()
    assert code == 1
    assert "has not answered within 0.1 s" in capsys.readouterr().err


def test_a_time_out_that_is_a_function_is_asked_when_the_daemon_runs(home: Path) -> None:
    asked: list[str] = []

    def timeout() -> float:
        asked.append("asked")
        return 5.0

    def script(request: Any) -> list[object]:
        asked.append(type(request).__name__)
        return [STOPPED]

    with FakeDaemon(home, script):
        ask(StopInstance(instance_id=InstanceId("one")), Terminal(), timeout=timeout)
    assert asked == ["asked", "StopInstance"]
