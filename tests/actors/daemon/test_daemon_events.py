"""The daemon tells what has happened, and is there for as long as somebody listens."""

import msgspec
import pytest
import trio
from trio.testing import MockClock

from peppy.actors.kernel import ActorEnded
from peppy.schema import control
from peppy.schema.events import Event, EventKind, ListEvents
from peppy.schema.frames import Note
from tests.actors.daemon.test_daemon_actor import daemon
from tests.actors.stack.embedded import Embedded


def heard(robot: Embedded) -> list[EventKind]:
    return [msgspec.json.decode(note.text, type=Event).kind for note in robot.notes]


async def test_what_has_happened_is_answered(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        await robot.ready()
        view = await robot.ask(ListEvents())
        kinds = [EventKind.NODE_ADDED, EventKind.NODE_BUILT]
        assert [event.kind for event in view.events] == kinds
        assert (await robot.ask(ListEvents(limit=1))).events == view.events[1:]


async def test_a_follower_hears_until_the_daemon_ends_and_is_then_refused(
    autojump_clock: MockClock,
) -> None:
    async with daemon() as robot:
        await robot.ready()
        robot.notes.clear()

        async def follow() -> None:
            with pytest.raises(ActorEnded):
                await robot.ask(ListEvents(follow=True, limit=1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await trio.sleep(1)
            await robot.run()
            await robot.stop()
            await robot.ask(control.StopDaemon())
    assert all(isinstance(note, Note) for note in robot.notes)
    assert heard(robot) == [EventKind.NODE_BUILT, EventKind.STARTED, EventKind.STOPPED]


async def test_an_idle_daemon_stays_while_somebody_follows_it(autojump_clock: MockClock) -> None:
    async with daemon(idle_exit=30.0) as robot:
        with trio.move_on_after(1000):
            await robot.ask(ListEvents(follow=True))
        assert robot.stack.is_running
        left_at = trio.current_time()
        await robot.stack.ended()
        assert trio.current_time() - left_at <= 60.0
