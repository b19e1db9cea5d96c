"""The root actor: what it says of itself, and when it ends."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing

import pytest
import trio
from trio.testing import MockClock

from peppy import VERSION
from peppy.actors.daemon.daemon import Daemon, ShutDown
from peppy.actors.kernel import ActorEnded, run_actor
from peppy.actors.stack.errors import GoingDown
from peppy.runtime.transport.exchange import Exchange
from peppy.schema import control
from peppy.schema.durations import force_kill_after
from tests.actors.stack.embedded import CORE, PARTS, Builder, Embedded, Part, Player
from tests.actors.stack.launches import deployment, launch, write_launcher

DEAF = Player(leaves_in=None, obeys_terminate=False)


@asynccontextmanager
async def daemon(
    parts: Mapping[str, Part] | None = None, *, idle_exit: float | None = None
) -> AsyncGenerator[Embedded, None]:
    """Run a daemon on a machine in memory; requests go to the daemon."""
    robot = Embedded({**PARTS, **(parts or {})})
    with closing(Exchange(robot.transport())) as exchange:
        site = robot.site(robot.transport(), exchange)
        async with run_actor(
            lambda: Daemon(site, idle_exit=idle_exit), on_failure=robot.report
        ) as ref:
            robot.stack = ref
            yield robot
    assert robot.failures == []
    assert (robot.living, robot.workspaces, robot.instance_directories) == (set(), set(), set())


async def test_it_describes_itself(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        await robot.add()
        await trio.sleep(90)
        view = await robot.ask(control.DescribeDaemon())
        assert (view.version, view.core_node, view.pid) == (VERSION, CORE, 77)
        assert view.nodes == 1
        assert view.uptime == pytest.approx(90.0)


async def test_an_empty_daemon_ends_after_its_idle_time(autojump_clock: MockClock) -> None:
    async with daemon(idle_exit=30.0) as robot:
        await trio.sleep(20)
        await robot.ask(control.ListStack())
        await robot.stack.ended()
        assert trio.current_time() == pytest.approx(50.0)


async def test_a_daemon_with_an_instance_stays_and_one_with_nodes_alone_does_not(
    autojump_clock: MockClock,
) -> None:
    async with daemon(idle_exit=30.0) as robot:
        await robot.ready()
        await robot.run()
        await trio.sleep(1000)
        assert robot.stack.is_running
        await robot.stop()
        stopped_at = trio.current_time()
        await robot.stack.ended()
        assert trio.current_time() - stopped_at <= 60.0
    assert "node/hello:v1" in robot.journal.records


async def test_a_daemon_that_builds_or_launches_into_an_empty_stack_stays_until_that_is_done(
    autojump_clock: MockClock,
) -> None:
    slow = Builder(prints=("b",), every=400.0)
    async with daemon({"slow": slow}, idle_exit=30.0) as robot:
        await robot.ready("hello:v1", build="slow")
        source = robot.source("other:v1", build="slow")
        file = write_launcher(robot, [deployment(source, "front")])
        await robot.ask(launch(file))
        assert trio.current_time() == pytest.approx(800.0)
        await robot.stop()
        await robot.stack.ended()


async def test_without_an_idle_time_it_stays(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        await trio.sleep(80_000)
        assert robot.stack.is_running


async def test_a_stop_is_answered_when_everything_is_down(autojump_clock: MockClock) -> None:
    async with daemon({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        begun = trio.current_time()
        view = await robot.ask(control.StopDaemon())
        assert (view.pid, view.instances) == (77, ("front",))
        assert trio.current_time() - begun == pytest.approx(force_kill_after())
        assert robot.living == set()
        await robot.stack.ended()


async def test_everybody_who_stops_it_is_answered_and_others_are_refused(
    autojump_clock: MockClock,
) -> None:
    async with daemon({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        answers: list[control.ServiceStopView] = []

        async def stop() -> None:
            answers.append(await robot.ask(control.StopDaemon()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop)
            nursery.start_soon(stop)
            await trio.sleep(1)
            assert (await robot.refused(control.ListStack())).kind == "going_down"
        assert len(answers) == 2
        assert answers[0] == answers[1]


async def test_a_signal_ends_it(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        await robot.ready()
        await robot.run()
        robot.stack.tell(ShutDown())
        assert (await robot.stack.ended()).error is None


@pytest.mark.parametrize("turns", range(16))
async def test_a_question_at_its_end_is_answered_or_refused(
    autojump_clock: MockClock, turns: int
) -> None:
    outcomes: list[str] = []
    async with daemon() as robot:

        async def describe() -> None:
            for _ in range(turns):
                await trio.lowlevel.checkpoint()
            try:
                await robot.ask(control.DescribeDaemon())
                outcomes.append("answered")
            except (ActorEnded, GoingDown):
                outcomes.append("refused")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(describe)
            await robot.ask(control.StopDaemon())
    assert len(outcomes) == 1
