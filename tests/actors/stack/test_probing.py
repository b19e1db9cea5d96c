"""Asking an instance whether it is well, on virtual time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.rules.health import Answered, Event, Missed
from peppy.actors.stack.health import OWN_DELAY, UNHEARD, probe
from peppy.runtime.transport.exchange import Exchange, IncomingRequest
from peppy.schema import keys
from peppy.schema.durations import HEALTH_BUDGET, HEALTH_INTERVAL
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name
from tests.actors.stack.embedded import CORE, Machine

FRONT = Address(CORE, Name("hello"), InstanceId("front"))


class Node:
    """Answers for an instance while it is `well`; `refuses` says no instead."""

    def __init__(self) -> None:
        self.well = True
        self.refuses = False
        self.asked: list[IncomingRequest] = []

    def arrived(self, request: IncomingRequest) -> None:
        self.asked.append(request)
        if self.refuses:
            request.refuse("not today")
        elif self.well:
            request.reply(b"")


class Told:
    """What a probe tells, and when."""

    def __init__(self) -> None:
        self.begun = trio.current_time()
        self.outcomes: list[tuple[float, Event]] = []

    def take(self, event: Event) -> None:
        self.outcomes.append((trio.current_time() - self.begun, event))

    def times(self, event: Event) -> list[float]:
        return [round(at, 6) for at, each in self.outcomes if each == event]


@asynccontextmanager
async def probed(node: Node | None) -> AsyncGenerator[Told, None]:
    """Ask an instance that is played by `node`, or that is not there at all."""
    machine = Machine({})
    ours, theirs = machine.transport(), machine.transport()
    with closing(Exchange(ours)) as exchange, closing(Exchange(theirs)) as serving:
        if node is not None:
            key = keys.instance_service(FRONT, keys.HEALTH_SERVICE)
            serving.serve(key, arrived=node.arrived)
        told = Told()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(probe, machine.site(ours, exchange), FRONT, told.take)
            yield told
            nursery.cancel_scope.cancel()
    await theirs.close()
    await ours.close()


async def test_who_is_well_is_asked_at_once_and_then_every_interval(
    autojump_clock: MockClock,
) -> None:
    node = Node()
    async with probed(node) as told:
        await trio.sleep(2 * HEALTH_INTERVAL + 1)
    assert told.times(Answered()) == [0.0, HEALTH_INTERVAL, 2 * HEALTH_INTERVAL]
    assert len(node.asked) == len(told.outcomes) == 3


async def test_who_does_not_answer_has_missed_it_after_the_budget_and_is_asked_on(
    autojump_clock: MockClock,
) -> None:
    node = Node()
    node.well = False
    async with probed(node) as told:
        await trio.sleep(HEALTH_INTERVAL + HEALTH_BUDGET + 1)
        node.well = True
        await trio.sleep(HEALTH_INTERVAL)
    assert told.times(Missed()) == [HEALTH_BUDGET, HEALTH_INTERVAL + HEALTH_BUDGET]
    assert told.times(Answered()) == [2 * HEALTH_INTERVAL]


async def test_an_answer_that_is_slow_but_within_the_budget_is_one(
    autojump_clock: MockClock,
) -> None:
    node = Node()
    node.well = False
    async with probed(node) as told:
        await trio.sleep(HEALTH_BUDGET - 0.5)
        node.asked.pop().reply(b"")
        await trio.sleep(1)
    assert told.times(Answered()) == [HEALTH_BUDGET - 0.5]
    assert told.times(Missed()) == []


async def test_who_is_not_there_is_waited_for_before_it_has_missed_anything(
    autojump_clock: MockClock,
) -> None:
    async with probed(None) as told:
        await trio.sleep(UNHEARD + HEALTH_INTERVAL)
    assert told.times(Missed()) == [UNHEARD + HEALTH_BUDGET]
    assert told.times(Answered()) == []


async def test_a_refusal_is_no_answer_and_ends_nothing(autojump_clock: MockClock) -> None:
    node = Node()
    node.refuses = True
    async with probed(node) as told:
        await trio.sleep(HEALTH_INTERVAL + 1)
    assert told.times(Missed()) == [0.0, HEALTH_INTERVAL]


async def test_a_daemon_that_stood_still_blames_nobody_and_asks_again(
    mock_clock: MockClock,
) -> None:
    node = Node()
    node.well = False
    async with probed(node) as told:
        await wait_all_tasks_blocked()
        node.well = True
        mock_clock.jump(HEALTH_BUDGET + OWN_DELAY + 30)
        await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
    assert [event for _, event in told.outcomes] == [Answered()]


async def test_a_closed_exchange_ends_it(autojump_clock: MockClock) -> None:
    machine = Machine({})
    ours = machine.transport()
    exchange = Exchange(ours)
    told: list[Event] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(probe, machine.site(ours, exchange), FRONT, told.append)
        await trio.sleep(1)
        exchange.close()
    await ours.close()
    assert told == []
