"""How the stack ends, and what it bears: broken ports, and requests that come too late."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory_files import MemoryFiles
from peppy.actors.kernel import ActorEnded
from peppy.runtime.transport.memory import MemoryTransport
from peppy.runtime.transport.port import Presence, Statistics, Subscription
from peppy.schema import control
from peppy.schema.durations import force_kill_after
from peppy.schema.names import parse_node_id
from tests.actors.stack.embedded import PARTS, Builder, Embedded, Part, Player, embedded

HELLO = parse_node_id("hello:v1")
DEAF = Player(leaves_in=None, obeys_terminate=False)


class BrokenFiles(MemoryFiles):
    """A disk on which one thing fails in a way that nobody foresaw."""

    broken = False

    async def tail(self, path: Path, lines: int) -> list[str]:
        if self.broken:
            raise RuntimeError("the disk speaks in tongues")
        return await super().tail(path, lines)


class BrokenTransport(MemoryTransport):
    """A transport on which nobody can be watched, found out after some turns."""

    turns: int | None = None

    def watch(self, pattern: str, *, capacity: int = 1024) -> Subscription[Presence]:
        watch = super().watch(pattern, capacity=capacity)
        if self.turns is not None:
            return BrokenWatch(watch, self.turns)
        return watch


class BrokenWatch(Subscription[Presence]):
    def __init__(self, inner: Subscription[Presence], turns: int) -> None:
        self.inner = inner
        self.turns = turns

    async def receive(self) -> Presence:
        for _ in range(self.turns):
            await trio.lowlevel.checkpoint()
        raise RuntimeError("the wire is cut")

    def receive_nowait(self) -> Presence | None:
        return self.inner.receive_nowait()

    def statistics(self) -> Statistics:
        return self.inner.statistics()

    def close(self) -> None:
        self.inner.close()


class Fragile(Embedded):
    """A machine whose ports break when a test says so."""

    def __init__(self) -> None:
        self.disk = BrokenFiles()
        super().__init__(PARTS, self.disk)
        self.wire = BrokenTransport(self.network)

    def transport(self) -> MemoryTransport:
        return self.wire


async def test_taking_down_stops_everything_and_takes_nothing_new(
    autojump_clock: MockClock,
) -> None:
    parts: dict[str, Part] = {"deaf": DEAF, "hanging": Builder(hangs=True)}
    async with embedded(parts) as robot:
        await robot.ready()
        await robot.run("front")
        await robot.ready("other:v1", run="deaf")
        await robot.run("rear", "other:v1")
        await robot.add("third:v1", build="hanging")
        refusals: list[str] = []

        async def build() -> None:
            request = control.BuildNode(node=parse_node_id("third:v1"))
            refusals.append((await robot.refused(request)).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(build)
            await trio.sleep(1)
            nursery.start_soon(late, robot, refusals)
            begun = trio.current_time()
            taken = await robot.take_down()
        assert set(taken.stopped) == {"front", "rear"}
        assert trio.current_time() - begun == pytest.approx(force_kill_after())
        assert sorted(refusals) == ["build_given_up", "going_down"]
        assert (robot.living, robot.workspaces, robot.instance_directories) == (set(), set(), set())
    assert robot.failures == []


async def late(robot: Embedded, refusals: list[str]) -> None:
    await trio.sleep(1)
    refusals.append((await robot.refused(control.AddNode(source="/nodes/hello_v1"))).kind)


async def test_taking_down_waits_for_what_is_being_removed(autojump_clock: MockClock) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        async with trio.open_nursery() as nursery:
            request = control.RemoveNode(node=HELLO, stop_instances=True)
            nursery.start_soon(robot.ask, request)
            await trio.sleep(1)
            await robot.take_down()
            assert (robot.living, robot.instance_directories) == (set(), set())


async def test_an_instance_that_is_being_removed_can_still_be_stopped(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        async with trio.open_nursery() as nursery:
            request = control.RemoveNode(node=HELLO, stop_instances=True)
            nursery.start_soon(robot.ask, request)
            await trio.sleep(1)
            assert (await robot.stop()).forced


async def test_a_replacement_does_not_enter_a_stack_that_goes_down(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        request = control.AddNode(source=str(robot.source()), stop_instances=True)
        refusals: list[str] = []

        async def replace() -> None:
            refusals.append((await robot.refused(request)).kind)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(replace)
            await trio.sleep(1)
            await robot.take_down()
        assert refusals == ["going_down"]
        assert robot.living == set()


async def test_a_broken_instance_takes_neither_its_node_nor_the_stack_with_it(
    autojump_clock: MockClock,
) -> None:
    robot = Fragile()
    async with embedded(machine=robot):
        await robot.ready()
        await robot.run("front")
        await robot.run("rear")
        robot.disk.broken = True
        with pytest.raises(ActorEnded):
            await robot.stop("front")
        robot.disk.broken = False
        assert await robot.states() == {"rear": "running"}
        assert len(robot.living) == 1
        await robot.run("front")
    assert [str(error) for error in robot.failures] == ["the disk speaks in tongues"]


@pytest.mark.parametrize("turns", range(12))
async def test_an_instance_that_breaks_while_it_starts_leaves_no_process(turns: int) -> None:
    robot = Fragile()
    async with embedded(machine=robot):
        await robot.ready()
        robot.wire.turns = turns
        with pytest.raises(ActorEnded):
            await robot.run()
        robot.wire.turns = None
        await wait_all_tasks_blocked()
        assert (robot.living, await robot.states()) == (set(), {})
        await robot.run()
    assert [str(error) for error in robot.failures] == ["the wire is cut"]
