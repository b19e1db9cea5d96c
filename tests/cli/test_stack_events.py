"""`peppy stack events` against a daemon that answers as it is told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from peppy.cli.drawing.events import event as draw
from peppy.cli.moments import moment
from peppy.cli.run import run
from peppy.cli.usage import Usage
from peppy.schema.events import Event, EventKind, EventsView, ListEvents
from peppy.schema.frames import Note, Refusal
from peppy.schema.names import InstanceId
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import HELLO
from tests.cli.test_startup import imported_by

STARTED = Event(
    number=1,
    at=1_700_000_000.1234,
    kind=EventKind.STARTED,
    node=HELLO,
    instance_id=InstanceId("front"),
    text="pid 77190",
)
BUILT = Event(number=2, at=1_700_000_001.0, kind=EventKind.NODE_BUILT, node=HELLO)
WARNED = Event(number=3, at=1_700_000_002.0, kind=EventKind.WARNING, text="\x1b[2Jlook\nthere")


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """A daemon with a past; who follows it gets one event more and is then sent away."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))

    def script(request: object) -> Iterator[object]:
        assert isinstance(request, ListEvents)
        if not request.follow:
            yield EventsView(events=(STARTED, BUILT, WARNED))
            return
        for event in (STARTED, BUILT):
            yield Note(stream="event", text=msgspec.json.encode(event).decode())
        yield Note(stream="warning", text="3 lines are not shown here")
        yield Refusal(kind="going_down", sentence="the daemon is going down")

    with FakeDaemon(tmp_path, script) as daemon:
        yield daemon


def test_an_event_is_one_line_with_time_kind_instance_and_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert draw(STARTED) == (
        "2023-11-14 22:13:20.123  started         front                   pid 77190"
    )
    assert draw(BUILT) == "2023-11-14 22:13:21.000  node_built      hello_world:0.1.0"
    assert draw(WARNED) == (
        "2023-11-14 22:13:22.000  warning         -                       look there"
    )
    monkeypatch.undo()
    time.tzset()


def test_the_past_is_drawn_in_its_order(
    daemon: FakeDaemon, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stack", "events"]) == 0
    assert capsys.readouterr() == (f"{draw(STARTED)}\n{draw(BUILT)}\n{draw(WARNED)}\n", "")
    assert daemon.requests == [ListEvents()]


@pytest.mark.usefixtures("daemon")
def test_in_json_each_event_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stack", "events", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [msgspec.json.decode(line, type=Event) for line in lines] == [STARTED, BUILT, WARNED]
    assert json.loads(lines[0])["kind"] == "started"


def test_options_become_bounds_of_the_request(daemon: FakeDaemon) -> None:
    assert run(["stack", "events", "--since", "1700000000", "--instance", "front", "-n", "3"]) == 0
    assert run(["stack", "events", "-n", "0"]) == 0
    begun = time.time()
    assert run(["stack", "events", "--since", "2h"]) == 0
    *exact, ago = daemon.requests
    assert exact == [
        ListEvents(since=1_700_000_000.0, instance_id=InstanceId("front"), limit=3),
        ListEvents(limit=0),
    ]
    assert isinstance(ago, ListEvents)
    assert ago.since is not None
    assert begun - 7200 <= ago.since <= time.time() - 7200


@pytest.mark.parametrize(
    ("words", "limit"),
    [(["-f"], 10), (["--follow", "-n", "0"], 0), (["-f", "--since", "1700000000"], 1000)],
)
def test_following_begins_with_a_little_of_the_past(
    daemon: FakeDaemon, words: list[str], limit: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stack", "events", *words]) == 1
    (request,) = daemon.requests
    assert isinstance(request, ListEvents)
    assert (request.follow, request.limit) == (True, limit)
    assert capsys.readouterr() == (
        f"{draw(STARTED)}\n{draw(BUILT)}\n",
        "Warning: 3 lines are not shown here\nError: the daemon is going down\n",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", 99_400.0),
        ("2h", 92_800.0),
        ("1h30m", 94_600.0),
        ("1.5s", 99_998.5),
        ("1d", 13_600.0),
        ("12.5", 12.5),
        ("1970-01-01T00:01:00+00:00", 60.0),
        ("1970-01-01T00:01:00Z", 60.0),
    ],
)
def test_a_moment_is_read_as_it_is_meant(text: str, expected: float) -> None:
    assert moment(text, 100_000.0, "--since") == expected


def test_a_time_without_a_zone_is_local() -> None:
    assert moment("2026-11-21T10:00", 0.0, "--since") == datetime(2026, 11, 21, 10).timestamp()


@pytest.mark.parametrize("text", ["", "soon", "10 m", "m", "-5m", "2026-13-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="'--since' takes a time"):
        moment(text, 0.0, "--since")


@pytest.mark.parametrize(
    "words", [["--since", "yesterday"], ["-n", "-1"], ["--instance", "no such name"]]
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(
    words: list[str], daemon: FakeDaemon
) -> None:
    assert run(["stack", "events", *words]) == 2
    assert daemon.requests == []


def test_ctrl_c_ends_a_follow_without_a_word(tmp_path: Path) -> None:
    text = msgspec.json.encode(STARTED).decode()
    reading, writing = os.pipe()

    def script(_: object) -> Iterator[object]:
        yield Note(stream="event", text=text)
        os.read(reading, 1)

    with FakeDaemon(tmp_path, script):
        with subprocess.Popen(
            [sys.executable, "-m", "peppy", "stack", "events", "-f", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PEPPY_HOME": str(tmp_path)},
        ) as follower:
            assert follower.stdout is not None
            assert msgspec.json.decode(follower.stdout.readline(), type=Event) == STARTED
            follower.send_signal(signal.SIGINT)
            out, err = follower.communicate(timeout=20)
        os.close(writing)
    os.close(reading)
    assert (follower.returncode, out, err) == (130, "", "")


def test_it_imports_neither_trio_nor_zenoh(tmp_path: Path) -> None:
    with FakeDaemon(tmp_path, lambda _: [EventsView(events=(STARTED,))]):
        modules = imported_by("stack", "events", home=tmp_path)
    assert modules.isdisjoint({"trio", "anyio", "zenoh"})
