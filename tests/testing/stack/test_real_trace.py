"""What stands in the trace of a real stack, of its messages, its events and its logs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.control_client import NoDaemon
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.schema.control import DescribeWire, ListStack
from peppy.schema.events import Event, EventKind, EventsView, ListEvents
from peppy.schema.frames import Note
from peppy.schema.names import InstanceId
from peppy.testing.sentences import event, line, message
from peppy.testing.stack.real_daemon import RealDaemon
from peppy.testing.stack.real_trace import LOGS, Recorder
from peppy.testing.trace import Trace
from tests.runtime.service_nodes import alive
from tests.runtime.topic_ends import emitted
from tests.testing.stack.made_world import CAMERA, WIRE, stack_of

ARM: Final = InstanceId("the_arm")

EVENTS: Final = tuple(
    Event(number=number, at=0.0, kind=kind, instance_id=ARM)
    for number, kind in enumerate((EventKind.STARTED, EventKind.FAILED, EventKind.STARTED), start=1)
)


class ToldDaemon(RealDaemon):
    """A daemon that knows some events, and goes away after each time that it has told them."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.events: list[Event] = []

    async def ask(self, request: Any, on_note: Callable[[Note], None] | None = None) -> Any:
        await trio.lowlevel.checkpoint()
        match request:
            case DescribeWire():
                return WIRE
            case ListStack():
                return stack_of(CAMERA)
            case ListEvents(follow=True) if on_note is not None:
                for each in self.events:
                    text = msgspec.json.encode(each).decode()
                    on_note(Note(stream="event", text=text))
                raise NoDaemon(self.home)
            case ListEvents():
                return EventsView(events=tuple(self.events[-1:]))
            case _:
                raise NotImplementedError


@pytest.fixture
def daemon(tmp_path: Path) -> ToldDaemon:
    return ToldDaemon(tmp_path)


@pytest.fixture
async def recorder(daemon: ToldDaemon) -> Recorder:
    return Recorder(Trace(trio.current_time), daemon)


async def test_messages_that_were_sent_together_are_entries_of_their_own(
    recorder: Recorder,
) -> None:
    network = MemoryNetwork()
    recorder.listen(MemoryTransport(network))
    front = alive(MemoryTransport(network), "front")
    outlet = await emitted("reliable").outlet(front)
    for number in range(40):
        await outlet.send(number, b"load")
    outlet.flush()
    await recorder.learn()
    found = recorder.trace.all(message("items", sender="front", load=b"load"))
    assert [entry.what["number"] for entry in found] == list(range(40))


async def test_events_that_several_daemons_tell_are_entered_once(
    autojump_clock: MockClock, recorder: Recorder, daemon: ToldDaemon
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.follow_events)
        for count in range(1, 4):
            daemon.events = list(EVENTS[:count])
            with trio.fail_after(5):
                await recorder.catch_up()
            assert len(recorder.trace.all(event("started") | event("failed"))) == count
        nursery.cancel_scope.cancel()
    recorder.trace.shows(event("failed", "the_arm")).then(event("started", "the_arm"))


async def test_lines_are_entered_once_though_their_log_begins_anew(
    recorder: Recorder, tmp_path: Path
) -> None:
    logs = tmp_path / LOGS
    logs.mkdir(parents=True)
    log = logs / "the_arm.log"
    log.write_text("[2026-02-17T10:15:23.599] [stdout] one\n[2026-02-17T10:15:23.600] [std")
    recorder.read_logs()
    with log.open("a") as file:
        file.write("err] two\n[2026-02-17T10:15:23.600] [warning] 1 line is missing here\n")
    log.rename(logs / "the_arm.log.1")
    log.write_text("[2026-02-17T10:15:23.700] [stdout] three\n")
    recorder.read_logs()
    recorder.read_logs()
    lines = recorder.trace.all(line("", "the_arm"))
    assert [(entry.name, entry.what) for entry in lines] == [
        ("stdout", "one"),
        ("stderr", "two"),
        ("stdout", "three"),
    ]
