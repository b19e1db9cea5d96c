"""Promises that only some orders of events put to the test."""

from pathlib import Path
from random import Random

import trio
from trio.testing import MockClock

from peppy.actors.stack.site import Site
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryTransport
from peppy.schema import control
from peppy.schema.control import Stage
from peppy.schema.names import InstanceId, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.actors.stack.embedded import Builder, Embedded, Player, embedded
from tests.actors.stack.mortal import MortalRobot

HELLO = parse_node_id("hello:v1")


async def test_whoever_knows_that_an_instance_is_stopped_may_use_its_name(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready("hello:v1")
        await robot.ready("other:v1")
        for node in ("hello:v1", "other:v1") * 15:
            await robot.run("front", node)
            await robot.stop("front")


async def test_what_was_stopped_while_the_disk_was_full_stays_stopped(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot()
    async with robot.daemon() as life:
        await robot.ready()
        await robot.run()
        robot.journal.full = True
        await robot.stop()
        life.kill()
        await trio.sleep_forever()
    robot.journal.full = False
    async with robot.daemon():
        assert await robot.states() == {}
        assert not any(key.startswith("instance/") for key in robot.journal.records)


async def test_a_removal_that_is_not_written_down_leaves_the_artifact_there_was(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"slow": Builder(every=5.0)}) as robot:
        await robot.ready(build="slow")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(robot.refused, control.BuildNode(node=HELLO, force=True))
            await trio.sleep(1)
            assert (await robot.row()).stage is Stage.BUILDING
            robot.journal.full = True
            await robot.refused(control.RemoveNode(node=HELLO))
        robot.journal.full = False
        assert (await robot.row()).stage is Stage.READY
        await robot.run()


class Repeating(Embedded):
    """A machine on which chance brings the same each time."""

    def site(self, transport: MemoryTransport, exchange: Exchange) -> Site:
        site = super().site(transport, exchange)
        self.chance = site.random
        return site


async def test_an_addition_that_fails_takes_nothing_from_another_one(
    autojump_clock: MockClock,
) -> None:
    robot = Repeating({"builder": Builder()})
    async with embedded(machine=robot):
        first = await robot.add()
        robot.chance.setstate(Random(7).getstate())
        robot.journal.full = True
        await robot.refused(control.AddNode(source=str(robot.source())))
        assert "peppy.json5" in robot.names(Path(first.snapshot))


async def test_a_disk_that_fills_up_during_a_restart_does_not_stop_what_was_restarted(
    autojump_clock: MockClock,
) -> None:
    slow = Player(prints=("one", "two", "three"), every=1.0, lasts=10.0, code=1)
    async with embedded({"player": slow}) as robot:
        await robot.ready()
        restart = RestartPolicy(mode=RestartMode.ALWAYS)
        name = InstanceId("front")
        await robot.ask(control.RunNode(node=HELLO, instance_id=name, restart=restart))
        await trio.sleep(9.5)
        assert await robot.states() == {"front": "starting"}
        robot.journal.full = True
        await trio.sleep(3)
        assert await robot.states() == {"front": "running"}


async def test_an_instance_that_hung_has_failed_for_the_next_daemon_too(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"player": Player(well=False)})
    async with robot.daemon() as life:
        await robot.ready()
        restart = RestartPolicy(mode=RestartMode.ON_FAILURE, hung_after=10.0)
        name = InstanceId("front")
        await robot.ask(control.RunNode(node=HELLO, instance_id=name, restart=restart))
        for _ in range(500):
            if (await robot.states())["front"] not in ("running", "stopping"):
                break
            await trio.sleep(0.2)
        assert await robot.states() == {"front": "failed"}
        life.kill()
        await trio.sleep_forever()
    async with robot.daemon():
        assert await robot.states() == {"front": "failed"}
