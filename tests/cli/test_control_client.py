import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy import VERSION
from peppy.runtime.control_client import (
    ControlClient,
    ControlRefused,
    DaemonSilent,
    DaemonVanished,
    NoDaemon,
    NotText,
    NotUnderstood,
    SocketNotUsable,
    home_directory,
    socket_path,
)
from peppy.schema.control import DescribeDaemon, ListStack, SyncNode
from peppy.schema.errors import PeppyError, Problem
from peppy.schema.frames import LONGEST_FRAME, PROTOCOL, Note, Refusal
from peppy.schema.requests import Request
from tests.cli.fake_daemon import FakeDaemon, frame
from tests.cli.sample_views import DAEMON, STACK


def client_of(daemon: FakeDaemon) -> ControlClient:
    return ControlClient(socket_path(daemon.home))


def answer_daemon(_request: Request[Any]) -> Iterator[object]:
    yield DAEMON


def test_a_call_returns_the_view_that_answers_it(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, answer_daemon) as daemon:
        assert client_of(daemon).call(DescribeDaemon()) == DAEMON
    assert daemon.requests == [DescribeDaemon()]


def test_a_call_says_which_protocol_and_version_it_speaks(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, answer_daemon) as daemon:
        client_of(daemon).call(DescribeDaemon())
    assert (daemon.calls[0].protocol, daemon.calls[0].version) == (PROTOCOL, VERSION)


def test_notes_arrive_in_their_order_before_the_answer(tmp_path: Path) -> None:
    notes = [Note(stream="step", text="one"), Note(stream="stdout", text="two")]
    heard: list[Note] = []
    with FakeDaemon(tmp_path, lambda _: [*notes, STACK]) as daemon:
        assert client_of(daemon).call(ListStack(), heard.append) == STACK
    assert heard == notes


def test_a_refusal_carries_its_kind_and_what_it_needs(tmp_path: Path) -> None:
    refusal = Refusal(kind="needs_consent", sentence="no", hint="ask", needs="stop_instances")
    with (
        FakeDaemon(tmp_path, lambda _: [refusal]) as daemon,
        pytest.raises(ControlRefused) as caught,
    ):
        client_of(daemon).call(ListStack())
    error = caught.value
    assert (error.kind, error.sentence, error.hint) == ("needs_consent", "no", "ask")
    assert error.needs == "stop_instances"


def test_a_refused_document_shows_each_of_its_problems(tmp_path: Path) -> None:
    problem = Problem(line=12, column=5, path="execution", what="run_cmd is missing")
    refusal = Refusal(
        kind="document", sentence="1 problem", problems=(problem,), source="peppy.json5"
    )
    with (
        FakeDaemon(tmp_path, lambda _: [refusal]) as daemon,
        pytest.raises(ControlRefused) as caught,
    ):
        client_of(daemon).call(ListStack())
    assert caught.value.problems == (problem,)
    assert "12:5 execution  run_cmd is missing" in caught.value.sentence


def test_a_socket_that_is_not_there_means_no_daemon(tmp_path: Path) -> None:
    with pytest.raises(NoDaemon):
        ControlClient(socket_path(tmp_path / "absent")).call(ListStack())


def test_a_socket_that_a_dead_daemon_left_means_no_daemon(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, answer_daemon) as daemon:
        pass
    assert socket_path(tmp_path).exists()
    with pytest.raises(NoDaemon):
        client_of(daemon).call(ListStack())


def test_a_socket_that_the_system_refuses_is_told_from_no_daemon(tmp_path: Path) -> None:
    locked = tmp_path / "loop"
    locked.symlink_to(locked)
    with pytest.raises(SocketNotUsable) as caught:
        ControlClient(locked).call(ListStack())
    assert caught.value.path == locked


def test_a_daemon_that_goes_away_is_told_from_one_that_was_never_there(tmp_path: Path) -> None:
    with (
        FakeDaemon(tmp_path, lambda _: [Note(stream="step", text="one")]) as daemon,
        pytest.raises(DaemonVanished) as caught,
    ):
        client_of(daemon).call(ListStack())
    assert str(tmp_path / "logs" / "daemon.log") in (caught.value.hint or "")


def test_an_answer_that_does_not_come_in_time_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(DaemonSilent), FakeDaemon(tmp_path, answer_daemon) as daemon:
        client_of(daemon).call(DescribeDaemon(), timeout=0.0)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(struct.pack(">I", LONGEST_FRAME + 1), id="a frame beyond the bound"),
        pytest.param(struct.pack(">I", 3) + b"abc", id="no MessagePack"),
        pytest.param(frame(STACK), id="the answer of another request"),
    ],
)
def test_what_is_not_our_language_is_not_understood(tmp_path: Path, sent: bytes) -> None:
    with FakeDaemon(tmp_path, lambda _: [sent]) as daemon, pytest.raises(NotUnderstood):
        client_of(daemon).call(DescribeDaemon())


@settings(max_examples=30, deadline=None)
@given(body=st.binary(max_size=60))
def test_whatever_bytes_come_the_error_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, body: bytes
) -> None:
    home = tmp_path_factory.mktemp("home")
    with FakeDaemon(home, lambda _: [body]) as daemon, pytest.raises(PeppyError):
        client_of(daemon).call(DescribeDaemon())


def test_a_home_with_a_path_too_long_for_a_socket_is_reached(tmp_path: Path) -> None:
    home = tmp_path / ("a" * 120) / ("b" * 120)
    with FakeDaemon(home, answer_daemon) as daemon:
        assert client_of(daemon).call(DescribeDaemon()) == DAEMON


def test_a_path_that_is_not_utf8_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, answer_daemon) as daemon, pytest.raises(NotText):
        client_of(daemon).call(SyncNode(directory="/\udcff"))


def test_the_home_is_what_the_variable_says() -> None:
    assert home_directory({"PEPPY_HOME": "/data/robot"}) == Path("/data/robot")


def test_without_the_variable_the_home_is_in_the_users() -> None:
    assert home_directory({}) == Path.home() / ".peppy"
