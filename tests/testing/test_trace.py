"""What is asserted of a trace, what is said when it does not hold, and what is written of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from peppy.testing import trace_text
from peppy.testing.sentences import event, fault, line, message
from peppy.testing.trace import Kind, NotShown, Trace
from peppy.testing.trace_abridged import Abridged, digest


@dataclass
class Frame:
    number: int
    image: bytes


class Run:
    """A trace, and the clock that it is on."""

    def __init__(self, limit: int = 1000) -> None:
        self.now = 100.0
        self.trace = Trace(lambda: self.now, limit)

    def at(self, seconds: float, kind: Kind, who: str, name: str, what: Any = None) -> None:
        self.now = 100.0 + seconds
        self.trace.add(kind, who, name, what)


def robot() -> Trace:
    """Return what a small robot does: it starts, moves three times, is hung, prints and stops."""
    run = Run()
    run.at(0.5, Kind.EVENT, "the_arm", "started", "the_arm runs")
    for number in range(3):
        run.at(1.0 + number, Kind.MESSAGE, "the_arm", "joint_states", {"positions": [number]})
    run.at(4.0, Kind.FAULT, "the_brain", "hang")
    run.at(4.5, Kind.LINE, "the_arm", "stdout", "no commands\nfor long")
    run.at(12.34, Kind.EVENT, "the_arm", "stopped", "the_arm has stopped")
    return run.trace


STATES = message("joint_states")
STARTED, STOPPED = event("started"), event("stopped", "the_arm")
HANG, COMPLAINT = fault("hang"), line("no commands")


Claim = Callable[[Trace], object]

TRUE: list[Claim] = [
    lambda trace: trace.shows(STARTED),
    lambda trace: trace.shows(STARTED).then(STATES).then(HANG).then(STOPPED),
    lambda trace: trace.shows(STATES).then(HANG, within=1.0),
    lambda trace: trace.shows(HANG).before(COMPLAINT).before(STOPPED),
    lambda trace: trace.shows(STATES).times(3).at_least(3).at_most(3),
    lambda trace: trace.shows(STATES).then(STATES).times(2),
    lambda trace: trace.never_shows(line("Traceback")),
    lambda trace: trace.never_shows(STATES, after=HANG),
    lambda trace: trace.never_shows(STATES, before=STARTED),
    lambda trace: trace.never_shows(STATES, after=HANG, before=STOPPED),
    lambda trace: trace.never_shows(STATES, after=event("failed")),
    lambda trace: trace.shows_after_each(HANG, COMPLAINT, within=0.5),
    lambda trace: trace.shows_after_each(STOPPED, STARTED, within=1.0),
]

FALSE: list[tuple[Claim, str]] = [
    (
        lambda trace: trace.shows(event("failed")),
        "the trace does not show an event 'failed'",
    ),
    (
        lambda trace: trace.shows(HANG).then(STATES),
        "a message on 'joint_states' did not come after a fault 'hang'",
    ),
    (
        lambda trace: trace.shows(STARTED).then(HANG).then(STATES),
        "a message on 'joint_states' did not come after an event 'started', then a fault 'hang'",
    ),
    (
        lambda trace: trace.shows(STATES).then(HANG, within=0.9),
        "a fault 'hang' did not come within 0.9 s after a message on 'joint_states': "
        "the nearest came after 1.000 s",
    ),
    (
        lambda trace: trace.shows(HANG).before(STATES),
        "a message on 'joint_states' came before a fault 'hang'",
    ),
    (
        lambda trace: trace.shows(HANG).before(event("failed")),
        "an event 'failed' never came, neither before nor after a fault 'hang'",
    ),
    (
        lambda trace: trace.shows(STATES).times(2),
        "a message on 'joint_states' came 3 times, not 2 times",
    ),
    (
        lambda trace: trace.shows(STARTED).at_least(2),
        "an event 'started' came once, not 2 times or more",
    ),
    (
        lambda trace: trace.shows(STATES).at_most(1),
        "a message on 'joint_states' came 3 times, not once or fewer",
    ),
    (
        lambda trace: trace.never_shows(COMPLAINT),
        "the trace shows a line containing 'no commands', which it never should",
    ),
    (
        lambda trace: trace.never_shows(STATES, after=STARTED),
        "the trace shows a message on 'joint_states' after an event 'started', "
        "which it never should",
    ),
    (
        lambda trace: trace.never_shows(STARTED, before=STATES),
        "the trace shows an event 'started' before a message on 'joint_states', "
        "which it never should",
    ),
    (
        lambda trace: trace.shows_after_each(STATES, HANG, within=1.5),
        "a message on 'joint_states' at 1.000 s was not followed by a fault 'hang' within 1.5 s",
    ),
    (
        lambda trace: trace.first(event("failed")),
        "the trace does not show an event 'failed'",
    ),
]


@pytest.mark.parametrize("claim", TRUE)
def test_what_a_run_shows_can_be_claimed(claim: Claim) -> None:
    claim(robot())


@pytest.mark.parametrize(("claim", "said"), FALSE)
def test_what_a_run_does_not_show_is_said(claim: Claim, said: str) -> None:
    with pytest.raises(NotShown) as raised:
        claim(robot())
    assert raised.value.claim == said
    assert str(raised.value).startswith(f"{said}\n")


def test_a_claim_that_fails_shows_the_trace_where_it_comes_nearest() -> None:
    run = Run()
    for number in range(30):
        run.at(float(number), Kind.MESSAGE, "the_arm", "joint_states", {"positions": [0.1] * 9})
        if number == 14:
            run.at(float(number), Kind.EVENT, "the_arm", "stopped", "the_arm has stopped")
    with pytest.raises(NotShown) as raised:
        run.trace.never_shows(STOPPED)
    _, before, first, *lines, last, after = str(raised.value).splitlines()
    assert (before, after) == ("  ... 5 earlier", "  ... 5 later")
    assert first == "   5.000 s  message  joint_states  the_arm  {positions: [0.1, 0.1, 0.1, …]}"
    assert last == "  24.000 s  message  joint_states  the_arm  {positions: [0.1, 0.1, 0.1, …]}"
    pointed = [line for line in lines if line.startswith(">")]
    assert pointed == ["> 14.000 s  event    stopped       the_arm  the_arm has stopped"]


def test_entries_are_found_by_what_they_are() -> None:
    trace = robot()
    assert trace.first(STATES).what == {"positions": [0]}
    assert [entry.at for entry in trace.all(STATES)] == [1.0, 2.0, 3.0]
    assert trace.all(event("failed")) == []


def test_messages_give_way_to_messages_only_and_are_counted() -> None:
    run = Run(limit=3)
    run.at(0.0, Kind.EVENT, "the_arm", "started")
    for number in range(10):
        run.at(1.0 + number, Kind.MESSAGE, "the_arm", "joint_states", number)
    run.at(20.0, Kind.EVENT, "the_arm", "stopped")
    assert [entry.name for entry in run.trace.entries] == [
        "started", "joint_states", "joint_states", "joint_states", "stopped"
    ]  # fmt: skip
    assert run.trace.dropped == 7
    assert len(run.trace) == 5
    run.trace.never_shows(event("failed"))
    with pytest.raises(NotShown, match="cannot be told: 7 entries are no longer kept"):
        run.trace.never_shows(message("joint_commands"))


def test_a_message_is_read_when_it_is_asked_for_and_once() -> None:
    reads: list[int] = []
    trace = Trace(lambda: 0.0)
    trace.add_lazily(Kind.MESSAGE, "the_arm", "joint_states", lambda: reads.append(1))
    trace.shows(STATES)
    assert reads == []
    trace.shows(message("joint_states", where=lambda m: m is None))
    trace.text()
    assert reads == [1]


def same(value: object) -> object:
    return value


def test_of_large_messages_there_is_no_room_for_the_length_and_the_digest_are_kept() -> None:
    trace, whole = Trace(lambda: 0.0, most_bytes=4000), Trace(lambda: 0.0)
    for each in (trace, whole):
        for number in range(4):
            image = bytes([number]) * 2000
            frame = {"number": number, "image": image} if number % 2 else Frame(number, image)
            each.add_lazily(Kind.MESSAGE, "camera", "frames", partial(same, frame), 2000)
    assert [type(entry.what) for entry in trace.entries] == [Frame, dict, Frame, dict]
    images = [entry.what.image for entry in trace.entries[::2]]
    assert images == [Abridged(2000, digest(bytes(2000))), bytes([2]) * 2000]
    assert trace.entries[1].what["image"] == Abridged(2000, digest(bytes([1]) * 2000))
    assert len(images[0]) == 2000
    assert trace.text() == whole.text()
    assert trace_text.json_lines(trace.entries) == trace_text.json_lines(whole.entries)


def test_a_large_message_that_cannot_be_read_says_so_later_as_well() -> None:
    def read() -> None:
        raise ValueError("of no known format")

    trace = Trace(lambda: 0.0, most_bytes=0)
    trace.add_lazily(Kind.MESSAGE, "camera", "frames", read, 2000)
    assert "<unreadable: of no known format>" in trace.text()


async def test_what_was_seen_already_need_not_be_waited_for() -> None:
    trace = robot()
    assert (await trace.until(STATES)).at == 1.0


async def test_what_has_to_come_anew_is_waited_for(autojump_clock: MockClock) -> None:
    trace = robot()

    async def later() -> None:
        await trio.sleep(2.0)
        trace.add(Kind.MESSAGE, "the_arm", "joint_commands")
        trace.add(Kind.MESSAGE, "the_arm", "joint_states", "anew")
        trace.add(Kind.MESSAGE, "the_arm", "joint_states", "after that")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(later)
        entry = await trace.until(STATES, within=3.0, anew=True)
    assert entry.what == "anew"
    assert autojump_clock.current_time() == pytest.approx(2.0)


async def test_what_does_not_come_in_time_is_said(autojump_clock: MockClock) -> None:
    with pytest.raises(NotShown, match="an event 'failed' did not come within 3 s") as raised:
        await robot().until(event("failed"), within=3.0)
    assert str(raised.value).splitlines()[-1].startswith("> 12.340 s  event")
    assert autojump_clock.current_time() == pytest.approx(3.0)


async def test_what_a_condition_raises_fails_who_waits_and_not_who_sends(
    autojump_clock: MockClock,
) -> None:
    trace = Trace(trio.current_time)

    async def send() -> None:
        trace.add(Kind.MESSAGE, "the_arm", "joint_states", {})

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        with pytest.raises(KeyError):
            await trace.until(message("joint_states", where=lambda m: bool(m["positions"])))
    await trace.until(STATES)


def pictures() -> Trace:
    run = Run()
    run.at(0.1, Kind.MESSAGE, "camera", "video_stream", Frame(1, b"picture"))
    run.at(0.25, Kind.MESSAGE, "the_arm", "joint_states", {"b": [0.1, 1e-9], "a": float("nan")})
    run.at(10.5, Kind.LINE, "camera", "stderr", "two\nlines")
    return run.trace


def test_a_trace_is_written_as_text(tmp_path: Path) -> None:
    pictures().write(tmp_path / "trace.txt")
    assert (tmp_path / "trace.txt").read_text().splitlines() == [
        "   0.100 s  message  video_stream  camera   {number: 1, image: <7 bytes 2cea274d>}",
        "   0.250 s  message  joint_states  the_arm  {b: [0.1, 1e-09], a: nan}",
        "  10.500 s  line     stderr        camera   two\\nlines",
    ]


def test_a_trace_is_written_as_json_lines(tmp_path: Path) -> None:
    pictures().write(tmp_path / "trace.jsonl")
    entries = [json.loads(line) for line in (tmp_path / "trace.jsonl").read_text().splitlines()]
    assert entries[0] == {
        "at": pytest.approx(0.1),
        "kind": "message",
        "name": "video_stream",
        "who": "camera",
        "what": {"number": 1, "image": {"bytes": 7, "sha256": "2cea274d"}},
    }
    assert [entry["what"] for entry in entries[1:]] == [
        {"b": [0.1, 1e-9], "a": "nan"},
        "two\nlines",
    ]


def test_equal_runs_are_written_equally(tmp_path: Path) -> None:
    for suffix in ("txt", "jsonl"):
        files = [tmp_path / f"{number}.{suffix}" for number in range(2)]
        for file in files:
            pictures().write(file)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_message_that_cannot_be_read_does_not_hide_the_others() -> None:
    def read() -> Any:
        raise ValueError("no map")

    trace = robot()
    trace.add_lazily(Kind.MESSAGE, "camera", "video_stream", read)
    lines = trace.text(last=2, width=60).splitlines()
    assert lines == [
        "  ... 6 earlier",
        "  12.340 s  event    stopped       the_arm  the_arm has sto…",
        "  12.340 s  message  video_stream  camera   <unreadable: no…",
    ]
