"""A node on Trio: set up, ready, and taken down with its nursery."""

from contextlib import closing
from typing import Any

import pytest
import trio
import trio.testing

from peppy.runtime.leaving import Departure
from peppy.runtime.lifecycle import Occupancy
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.trio_life import TrioLife
from peppy.schema import keys
from peppy.schema.durations import TASK_TEARDOWN
from tests.runtime.memory_nodes import Parameters, live, settings, until_ready


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork()


async def test_the_nurserys_tasks_run_until_the_token_is_cancelled(network: MemoryNetwork) -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            events.append("cleaned")

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        nursery.start_soon(work)
        events.append(f"set up at {params.rate} by {runner.bound_instance_id()}")

    await live(setup, lambda _: until_ready(network), network)
    assert events == ["set up at 30 by front", "cleaned"]


async def test_a_plain_setup_gets_the_nursery_too() -> None:
    events: list[str] = []

    def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        async def work() -> None:
            events.append("worked")
            runner.cancellation_token().cancel()

        nursery.start_soon(work)

    await live(setup)
    assert events == ["worked"]


async def test_the_exception_of_a_task_comes_out_in_a_group_and_cancels_the_token() -> None:
    runners: list[NodeRunner] = []

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        async def fail() -> None:
            raise ValueError("the motor is hot")

        runners.append(runner)
        nursery.start_soon(fail)

    with pytest.raises(ExceptionGroup) as caught:
        await live(setup)
    assert caught.group_contains(ValueError, match="the motor is hot")
    assert runners[0].cancellation_token().is_cancelled()


async def test_the_exception_of_setup_comes_out_as_it_is(network: MemoryNetwork) -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await trio.sleep_forever()
        finally:
            events.append("cleaned")

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        nursery.start_soon(work)
        await trio.lowlevel.checkpoint()
        raise LookupError("no camera")

    with pytest.raises(LookupError, match="no camera"):
        await live(setup, None, network)
    assert events == ["cleaned"]


async def test_a_task_that_fails_while_setup_failed_is_not_forgotten() -> None:
    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        async def work() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("and the lock is stuck")

        nursery.start_soon(work)
        await trio.lowlevel.checkpoint()
        raise LookupError("no camera")

    with pytest.raises(LookupError) as caught:
        await live(setup)
    assert isinstance(caught.value.__cause__, ExceptionGroup)


async def test_an_interruption_breaks_off_a_setup_that_waits() -> None:
    events: list[str] = []

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        try:
            await trio.sleep_forever()
        finally:
            events.append("broken off")

    async def beside(occupancy: Occupancy) -> None:
        await trio.testing.wait_all_tasks_blocked()
        occupancy.interruption.cancel()

    await live(setup, beside)
    assert events == ["broken off"]


async def test_the_daemon_may_ask_for_health_and_for_the_end(network: MemoryNetwork) -> None:
    answers: list[Any] = []

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        nursery.start_soon(trio.sleep_forever)

    async def beside(occupancy: Occupancy) -> None:
        await until_ready(network)
        transport = MemoryTransport(network)
        with closing(Exchange(transport)) as exchange:
            for service in (keys.HEALTH_SERVICE, keys.SHUTDOWN_SERVICE):
                assert not occupancy.token.is_cancelled()
                key = keys.instance_service(settings().address, service)
                answers.append(await exchange.ask(key, b"", timeout=5))
        assert occupancy.token.is_cancelled()
        await transport.close()

    await live(setup, beside, network)
    assert len(answers) == 2


async def test_a_task_that_outstays_its_cancellation_is_named_and_given_up(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    stuck: list[float] = []

    async def stubborn() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(TASK_TEARDOWN + 1)

    def setup(nursery: trio.Nursery) -> None:
        nursery.start_soon(stubborn)

    token = CancellationToken()
    token.cancel()
    life = TrioLife(token, CancellationToken(), lambda: stuck.append(trio.current_time()))
    began = trio.current_time()
    await life.run(setup, lambda: None, Departure())
    assert [moment - began for moment in stuck] == [TASK_TEARDOWN]
    assert "stubborn' did not end within 5 s" in capsys.readouterr().err


async def test_many_nodes_may_live_in_one_process(network: MemoryNetwork) -> None:
    living: list[str] = []

    async def beside(occupancy: Occupancy) -> None:
        await until_ready(network)

    async def setup(params: Parameters, runner: NodeRunner, nursery: trio.Nursery) -> None:
        living.append(runner.bound_instance_id())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(live, setup, beside, network)
    assert living == ["front"] * 3
