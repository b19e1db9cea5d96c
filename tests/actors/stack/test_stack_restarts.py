"""Health and restarts of instances in a stack, on virtual time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import pytest
import trio
from trio.testing import MockClock

from peppy.actors.stack.health import UNHEARD
from peppy.runtime.transport.exchange import Exchange, IncomingRequest
from peppy.schema import keys
from peppy.schema.control import Health, InstanceState, InstanceView, RunNode
from peppy.schema.doing import NO_ANSWER
from peppy.schema.durations import HEALTH_BUDGET, HEALTH_INTERVAL, force_kill_after
from peppy.schema.events import EventKind
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.actors.stack.embedded import CORE, Embedded, Player, embedded

HELLO = parse_node_id("hello:v1")
ON_FAILURE = RestartPolicy(mode=RestartMode.ON_FAILURE)
QUIET = Player(well=False)
"""Leaves the answers about its health to a `Loop`."""
DEAF = Player(well=False, leaves_in=None, obeys_terminate=False)

ABOUT_HEALTH = {EventKind.UNHEALTHY, EventKind.RECOVERED}
ABOUT_RESTARTS = {
    EventKind.STARTED,
    EventKind.FAILED,
    EventKind.FINISHED,
    EventKind.RESTARTING,
    EventKind.GIVEN_UP,
    EventKind.STOPPED,
    EventKind.FORCE_KILLED,
}


async def begin(robot: Embedded, policy: RestartPolicy = RestartPolicy()) -> None:  # noqa: B008
    await robot.ready()
    await robot.ask(RunNode(node=HELLO, instance_id=InstanceId("front"), restart=policy))


async def front(robot: Embedded) -> InstanceView:
    (instance,) = (await robot.row()).instances
    return instance


def happened(robot: Embedded, kinds: set[EventKind]) -> list[EventKind]:
    return [event.kind for event in robot.journal.log if event.kind in kinds]


class Loop:
    """The event loop of 'front', which answers as long as it is not `held`."""

    def __init__(self) -> None:
        self.held = False

    def arrived(self, request: IncomingRequest) -> None:
        if not self.held:
            request.reply(b"")


@asynccontextmanager
async def answering(robot: Embedded) -> AsyncGenerator[Loop, None]:
    transport = robot.transport()
    with closing(Exchange(transport)) as exchange:
        loop = Loop()
        address = Address(CORE, Name("hello"), InstanceId("front"))
        exchange.serve(keys.instance_service(address, keys.HEALTH_SERVICE), arrived=loop.arrived)
        yield loop
    await transport.close()


async def test_health_is_unknown_until_the_first_answer(autojump_clock: MockClock) -> None:
    async with embedded({"player": QUIET}) as robot:
        await begin(robot)
        assert (await front(robot)).health is None
        async with answering(robot):
            await trio.sleep(HEALTH_INTERVAL + 1)
            assert (await front(robot)).health is Health.HEALTHY
        assert happened(robot, ABOUT_HEALTH) == []


async def test_who_stands_still_is_unhealthy_until_it_answers_again(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": QUIET}) as robot, answering(robot) as loop:
        await begin(robot)
        await robot.listed()
        loop.held = True
        await trio.sleep(2 * (HEALTH_INTERVAL + HEALTH_BUDGET))
        shown = await front(robot)
        assert (shown.state, shown.health) == (InstanceState.RUNNING, Health.UNHEALTHY)
        loop.held = False
        await trio.sleep(2 * HEALTH_INTERVAL)
        assert (await front(robot)).health is Health.HEALTHY
        assert happened(robot, ABOUT_HEALTH) == [EventKind.UNHEALTHY, EventKind.RECOVERED]


async def test_who_has_ended_has_no_health(autojump_clock: MockClock) -> None:
    async with embedded({"player": Player(lasts=20, code=1)}) as robot:
        await begin(robot)
        await trio.sleep(10)
        assert (await front(robot)).health is Health.HEALTHY
        await trio.sleep(30)
        shown = await front(robot)
        assert (shown.state, shown.health) == (InstanceState.FAILED, None)


async def test_a_crash_is_followed_by_a_start_after_the_back_off(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(lasts=5, code=3)}) as robot:
        await begin(robot, ON_FAILURE)
        first = (await front(robot)).pid
        await trio.sleep(5.5)
        waiting = await front(robot)
        assert (waiting.state, waiting.ended, waiting.pid, waiting.doing) == (
            InstanceState.FAILED,
            "exit code 3",
            None,
            "starts again in 1 s",
        )
        await trio.sleep(1)
        again = await front(robot)
        assert (again.state, again.restarts, again.restart, again.doing) == (
            InstanceState.RUNNING,
            1,
            ON_FAILURE,
            None,
        )
        assert again.pid != first
        assert happened(robot, ABOUT_RESTARTS) == [
            EventKind.STARTED,
            EventKind.FAILED,
            EventKind.RESTARTING,
            EventKind.STARTED,
        ]


@pytest.mark.parametrize(
    ("mode", "code", "restarts"),
    [
        (RestartMode.NEVER, 1, 0),
        (RestartMode.ON_FAILURE, 0, 0),
        (RestartMode.ALWAYS, 0, 1),
    ],
)
async def test_the_mode_says_what_becomes_of_an_end(
    mode: RestartMode, code: int, restarts: int, autojump_clock: MockClock
) -> None:
    async with embedded({"player": Player(lasts=5, code=code)}) as robot:
        await begin(robot, RestartPolicy(mode=mode))
        await trio.sleep(8)
        assert (await front(robot)).restarts == restarts
        assert happened(robot, {EventKind.STARTED}) == [EventKind.STARTED] * (1 + restarts)


async def test_the_limit_leaves_it_as_it_is_and_it_can_be_stopped(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(lasts=1, code=1)}) as robot:
        await begin(robot, RestartPolicy(mode=RestartMode.ON_FAILURE, limit=3))
        await trio.sleep(500)
        shown = await front(robot)
        assert (shown.state, shown.restarts) == (InstanceState.FAILED, 3)
        assert happened(robot, {EventKind.GIVEN_UP}) == [EventKind.GIVEN_UP]
        assert happened(robot, {EventKind.STARTED}) == [EventKind.STARTED] * 4
        assert not (await robot.stop()).forced
        assert (await robot.row()).instances == ()


async def test_a_stop_during_the_back_off_is_answered_at_once_and_for_good(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(lasts=1, code=1)}) as robot:
        await begin(robot, RestartPolicy(mode=RestartMode.ALWAYS))
        await trio.sleep(1.5)
        begun = trio.current_time()
        await robot.stop()
        assert trio.current_time() - begun < 0.1
        assert [note for note in robot.notes if note.stream == "doing"] == []
        await trio.sleep(100)
        assert (await robot.row()).instances == ()
        assert robot.living == set()
        assert happened(robot, {EventKind.STARTED}) == [EventKind.STARTED]


async def test_who_is_stopped_is_not_started_again_whatever_its_policy(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await begin(robot, RestartPolicy(mode=RestartMode.ALWAYS))
        await robot.stop()
        await trio.sleep(100)
        assert (await robot.row()).instances == ()
        assert happened(robot, {EventKind.RESTARTING}) == []


async def test_who_hangs_is_killed_and_started_again(autojump_clock: MockClock) -> None:
    policy = RestartPolicy(mode=RestartMode.ON_FAILURE, hung_after=10)
    async with embedded({"player": DEAF}) as robot, answering(robot) as loop:
        await begin(robot, policy)
        await trio.sleep(1)
        first = (await front(robot)).pid
        loop.held = True
        await trio.sleep(2 * HEALTH_INTERVAL + HEALTH_BUDGET + 10)
        loop.held = False
        await trio.sleep(force_kill_after() + 10)
        shown = await front(robot)
        assert (shown.state, shown.restarts) == (InstanceState.RUNNING, 1)
        assert shown.health is Health.HEALTHY
        assert shown.pid != first
        assert len(robot.living) == 1
        assert EventKind.FAILED in happened(robot, ABOUT_RESTARTS)
        # It was another process that did not answer: the new one has not recovered from anything.
        assert EventKind.RECOVERED not in happened(robot, ABOUT_HEALTH)


async def test_who_hangs_without_such_a_rule_is_left_alone(autojump_clock: MockClock) -> None:
    async with embedded({"player": DEAF}) as robot:
        await begin(robot, ON_FAILURE)
        first = (await front(robot)).pid
        await trio.sleep(UNHEARD + 600)
        shown = await front(robot)
        assert (shown.pid, shown.health) == (first, Health.UNHEALTHY)
        assert happened(robot, ABOUT_HEALTH) == [EventKind.UNHEALTHY]


async def test_a_restart_after_a_hang_has_the_whole_grace_when_it_is_stopped(
    autojump_clock: MockClock,
) -> None:
    slow = Player(well=False, leaves_in=4.0)
    async with embedded({"player": slow}) as robot, answering(robot) as loop:
        await begin(robot, RestartPolicy(mode=RestartMode.ON_FAILURE, hung_after=1))
        await trio.sleep(1)
        loop.held = True
        # Its second question is missed, it ends, and it is started again.
        found_hung = 2 * HEALTH_INTERVAL + HEALTH_BUDGET
        await trio.sleep(found_hung + 4.0)
        loop.held = False
        await trio.sleep(2)
        shown = await front(robot)
        assert (shown.state, shown.restarts) == (InstanceState.RUNNING, 1)
        # The grace of the one that hung is over while the new one uses its own.
        await trio.sleep(force_kill_after() - 4.0 - 2.0 - 3.0)
        assert not (await robot.stop()).forced


async def test_who_does_not_hear_the_request_to_end_is_said_not_to_answer(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await begin(robot)
        view = await robot.stop()
        assert (view.forced, view.doing) == (True, NO_ANSWER)
        assert [note.text for note in robot.notes if note.stream == "doing"] == [NO_ANSWER]
