"""What becomes of processes, and of what they have on the disk, when their records are damaged."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import trio
from trio.testing import MockClock

from peppy.actors.host.memory import MemoryClock
from peppy.actors.host.memory_journal import MemoryJournal
from peppy.actors.host.ports import HostError
from peppy.actors.stack.ledger import SITE, Ledger, Record, SiteRecord
from peppy.schema.control import BuildNode, Stage
from peppy.schema.events import Event, EventKind
from peppy.schema.names import parse_node_id
from tests.actors.stack.embedded import DAEMON_INSTANCE, HOME, Player
from tests.actors.stack.mortal import MortalRobot
from tests.actors.stack.test_stack_recovery import replayed

HELLO = parse_node_id("hello:v1")
FRONT, REAR = f"{DAEMON_INSTANCE}/front", f"{DAEMON_INSTANCE}/rear"


async def two_instances_and_no_daemon() -> MortalRobot:
    """Return a robot whose daemon was killed, with `front` and `rear` running on."""
    robot = MortalRobot({"player": Player(obeys_terminate=False, leaves_in=None)})
    async with robot.daemon() as life:
        await robot.ready()
        for name in ("front", "rear"):
            await robot.run(name)
        life.kill()
        await trio.sleep_forever()
    assert robot.living == {FRONT, REAR}
    return robot


def warnings(robot: MortalRobot) -> list[str]:
    return [event.text for event in robot.journal.log if event.kind is EventKind.WARNING]


DAMAGES: Mapping[str, Callable[[bytes], bytes | None]] = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "noise": lambda whole: b"\xc1 nonsense",
    "of another kind": lambda whole: whole.replace(b"plan", b"plot"),
    "gone": lambda whole: None,
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_the_process_of_a_record_that_cannot_be_read_is_ended_with_all_of_it(
    autojump_clock: MockClock, damage: str
) -> None:
    robot = await two_instances_and_no_daemon()
    key = "instance/rear"
    damaged = DAMAGES[damage](robot.journal.records.pop(key))
    if damaged is not None:
        robot.journal.records[key] = damaged
    async with robot.daemon():
        assert await robot.states() == {"front": "running"}
        assert robot.living == {FRONT}
        assert robot.names(HOME.instances) == {"front"}
        assert not {name for name in robot.names(HOME.runtime) if "rear" in name}
        await replayed(robot)
        await robot.run("rear")
        assert await robot.states() == {"front": "running", "rear": "running"}
    said = warnings(robot)
    assert any("stands in no journal, and is ended" in text for text in said)
    assert any("'instance/rear' cannot be read" in text for text in said) is (damaged is not None)
    assert robot.failures == []


async def test_a_node_whose_record_cannot_be_read_takes_its_processes_with_it(
    autojump_clock: MockClock,
) -> None:
    robot = await two_instances_and_no_daemon()
    robot.journal.records["node/hello:v1"] = b"\xc1 nonsense"
    async with robot.daemon():
        assert await robot.nodes() == []
        assert robot.living == set()
        assert (robot.instance_directories, robot.names(HOME.built_nodes)) == (set(), set())
        await replayed(robot)
        await robot.ready()
        await robot.run()
    assert robot.failures == []


async def test_a_journal_of_which_nothing_can_be_read_leaves_nothing_alive(
    autojump_clock: MockClock,
) -> None:
    robot = await two_instances_and_no_daemon()
    for key in robot.journal.records:
        robot.journal.records[key] = b"\xff"
    async with robot.daemon():
        assert (await robot.nodes(), robot.living) == ([], set())
        assert (robot.instance_directories, robot.names(HOME.built_nodes)) == (set(), set())
    assert robot.failures == []


# What the journal could not take.


async def test_a_build_that_cannot_be_written_down_leaves_no_artifact_that_was_not_there(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot()
    async with robot.daemon():
        await robot.add()
        robot.journal.full = True
        error = await robot.refused(BuildNode(node=HELLO))
        assert "no space left" in error.sentence
        assert (await robot.row()).stage is Stage.ADDED
        assert not {name for name in robot.names(HOME.built_nodes) if name.endswith(".zst")}
        robot.journal.full = False
        await robot.build()
        robot.journal.full = True
        await robot.refused(BuildNode(node=HELLO, force=True))
        robot.journal.full = False
        assert (await robot.row()).stage is Stage.READY
        await robot.run()
        await replayed(robot)
    assert (robot.failures, robot.workspaces) == ([], set())


def site(port: int) -> SiteRecord:
    return SiteRecord(messaging_port=port)


async def port_written(journal: MemoryJournal, ledger: Ledger) -> int | None:
    found = (await ledger.load()).site
    assert len(journal.records) == (found is not None)
    return None if found is None else found.messaging_port


async def test_what_could_not_be_written_goes_with_what_can_be() -> None:
    journal = MemoryJournal()
    ledger = Ledger(journal, MemoryClock(0.0), lambda _: None)
    journal.full = True
    await ledger.write_if_possible({SITE: site(1), "node/gone:v1": None})
    journal.full = False
    assert await port_written(journal, ledger) is None
    await ledger.write({})
    assert await port_written(journal, ledger) == 1


class SlowJournal(MemoryJournal):
    """Takes a second for what it writes."""

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        await trio.sleep(1)
        return await super().commit(records, events)


async def test_what_is_owed_never_comes_after_what_has_followed_it(
    autojump_clock: MockClock,
) -> None:
    journal = SlowJournal()
    ledger = Ledger(journal, MemoryClock(0.0), lambda _: None)
    journal.full = True
    await ledger.write_if_possible({SITE: site(1)})
    with pytest.raises(HostError):
        await ledger.write({SITE: site(2)})
    journal.full = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ledger.write_if_possible, {SITE: site(3)})
        await trio.sleep(0.5)
        nursery.start_soon(ledger.write_if_possible, dict[str, Record | None]())
    assert await port_written(journal, ledger) == 3
    await ledger.write({SITE: None})
    await ledger.write({})
    assert await port_written(journal, ledger) is None
