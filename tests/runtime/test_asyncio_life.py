"""A node on asyncio: set up, ready, and taken down with all its tasks."""

import asyncio
from contextlib import closing
from typing import Any

import pytest

from peppy.runtime.asyncio_life import run_on_asyncio
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Presence
from peppy.schema import keys
from tests.runtime.memory_nodes import BINDING, CORE, Parameters, live, settings, until_ready


async def nothing(params: Parameters, runner: NodeRunner) -> None:
    """Be a node that does nothing."""


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once(occupancy: Occupancy) -> None:
    await asyncio.sleep(0)


def test_setup_gets_the_parameters_and_a_runner_that_knows_its_names() -> None:
    seen: list[object] = []

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        seen.extend([params, runner.node_name(), runner.node_tag()])
        seen.extend([runner.bound_core_node(), runner.bound_instance_id()])
        runner.cancellation_token().cancel()

    asyncio.run(live(setup))
    assert seen == [Parameters(30), "camera", "v1", CORE, "front"]


def test_a_plain_setup_may_start_tasks_of_the_loop() -> None:
    seen: list[str] = []

    def setup(params: Parameters, runner: NodeRunner) -> asyncio.Task[None]:
        async def work() -> None:
            seen.append("worked")
            runner.cancellation_token().cancel()

        return asyncio.create_task(work())

    asyncio.run(live(setup))
    assert seen == ["worked"]


def test_returned_tasks_are_cancelled_and_their_cleaning_up_runs() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            events.append("cleaned")

    async def setup(params: Parameters, runner: NodeRunner) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(work())]

    network = MemoryNetwork()
    asyncio.run(live(setup, lambda _: until_ready(network), network))
    assert events == ["cleaned"]


def test_a_task_can_still_emit_while_it_cleans_up() -> None:
    events: list[bool] = []

    async def setup(params: Parameters, runner: NodeRunner) -> list[asyncio.Task[None]]:
        async def work() -> None:
            try:
                await forever()
            finally:
                await runner.transport.publisher("peppy/last").send(b"words")
                events.append(runner.cancellation_token().is_cancelled())

        return [asyncio.create_task(work())]

    network = MemoryNetwork()
    asyncio.run(live(setup, lambda _: until_ready(network), network))
    assert events == [True]


def test_tasks_that_were_not_returned_end_with_a_node_that_owns_its_loop() -> None:
    strays: list[asyncio.Task[None]] = []

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        strays.append(asyncio.create_task(forever()))

    async def main() -> None:
        network = MemoryNetwork()
        await live(setup, lambda _: until_ready(network), network, owns_loop=True)
        assert strays[0].cancelled()

    asyncio.run(main())


def test_tasks_of_others_outlive_a_node_that_shares_its_loop() -> None:
    async def main() -> None:
        other = asyncio.create_task(forever())
        await live(nothing, at_once)
        assert not other.done()
        other.cancel()

    asyncio.run(main())


def test_a_task_that_fails_is_printed_and_ends_the_node_in_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def work() -> None:
        raise ValueError("the motor is hot")

    async def setup(params: Parameters, runner: NodeRunner) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(work())]

    asyncio.run(live(setup))
    error = capsys.readouterr().err
    assert "work' failed; the node shuts down" in error
    assert "Traceback" in error
    assert "ValueError: the motor is hot" in error


def test_tasks_that_end_by_themselves_leave_the_node_running() -> None:
    async def work() -> None:
        """End at once."""

    async def setup(params: Parameters, runner: NodeRunner) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(work())]

    still: list[bool] = []

    async def beside(occupancy: Occupancy) -> None:
        await until_ready(network)
        for _ in range(20):
            await asyncio.sleep(0)
        still.append(not occupancy.token.is_cancelled())

    network = MemoryNetwork()
    asyncio.run(live(setup, beside, network))
    assert still == [True]


def test_the_exception_of_setup_comes_out_as_it_is_and_its_tasks_are_gone() -> None:
    events: list[str] = []

    async def work() -> None:
        try:
            await forever()
        finally:
            events.append("cleaned")

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        events.append(str(asyncio.create_task(work()).done()))
        await asyncio.sleep(0)
        raise LookupError("no camera")

    with pytest.raises(LookupError, match="no camera"):
        asyncio.run(live(setup, owns_loop=True))
    assert events == ["False", "cleaned"]


def test_an_interruption_breaks_off_a_setup_that_waits() -> None:
    events: list[str] = []

    begun = asyncio.Event()

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        begun.set()
        try:
            await forever()
        finally:
            events.append("broken off")

    async def beside(occupancy: Occupancy) -> None:
        await begun.wait()
        occupancy.interruption.cancel()

    asyncio.run(live(setup, beside))
    assert events == ["broken off"]


def test_an_interruption_before_setup_leaves_it_out() -> None:
    def setup(params: Parameters, runner: NodeRunner) -> None:
        raise AssertionError("set up although it was interrupted")

    async def main() -> None:
        occupancy = Occupancy()
        occupancy.token.cancel()
        occupancy.interruption.cancel()
        await run_node(BINDING, setup, settings(), MemoryTransport(MemoryNetwork()), occupancy)

    asyncio.run(main())


def test_a_request_to_end_waits_until_setup_has_returned() -> None:
    events: list[str] = []

    async def setup(params: Parameters, runner: NodeRunner) -> None:
        runner.cancellation_token().cancel()
        await asyncio.sleep(0)
        events.append("finished")

    asyncio.run(live(setup))
    assert events == ["finished"]


def test_a_node_is_announced_ready_only_after_its_setup_and_gone_after_its_end() -> None:
    seen: list[tuple[str, bool]] = []
    address = settings().address
    alive, ready = keys.alive(address), keys.ready(address)

    async def main() -> None:
        network = MemoryNetwork()

        def saw(presence: Presence) -> None:
            if presence.key in (alive, ready):
                seen.append((presence.key, presence.present))

        MemoryTransport(network).follow("peppy/**", saw)

        async def setup(params: Parameters, runner: NodeRunner) -> None:
            await asyncio.sleep(0)
            seen.append(("setup", True))

        await live(setup, lambda _: until_ready(network), network)

    asyncio.run(main())
    assert seen[:3] == [(alive, True), ("setup", True), (ready, True)]
    assert sorted(seen[3:]) == [(alive, False), (ready, False)]


def test_the_daemon_may_ask_for_health_and_for_the_end() -> None:
    answers: list[Any] = []
    network = MemoryNetwork()

    async def ask(service: str) -> None:
        transport = MemoryTransport(network)
        with closing(Exchange(transport)) as exchange:
            key = keys.instance_service(settings().address, service)
            answers.append(await exchange.ask(key, b"", timeout=5))
        await transport.close()

    async def beside(occupancy: Occupancy) -> None:
        await until_ready(network)
        await ask(keys.HEALTH_SERVICE)
        assert not occupancy.token.is_cancelled()
        await ask(keys.SHUTDOWN_SERVICE)
        assert occupancy.token.is_cancelled()

    asyncio.run(live(nothing, beside, network))
    assert len(answers) == 2


def test_a_task_that_refuses_to_end_is_named_and_left_behind(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peppy.runtime.asyncio_life.TASK_TEARDOWN", 0.05)
    release = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async def setup(params: Parameters, runner: NodeRunner) -> list[asyncio.Task[None]]:
        tasks.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)
        return tasks

    async def main() -> None:
        await live(setup, at_once)
        assert not tasks[0].done()
        release.set()
        await tasks[0]

    asyncio.run(main())
    assert "stubborn' did not end within 0.05 s" in capsys.readouterr().err


def test_a_loop_of_ones_own_closes_its_generators() -> None:
    events: list[str] = []

    async def numbers() -> Any:
        try:
            yield 1
        finally:
            events.append("closed")

    kept: list[Any] = []

    async def main() -> None:
        kept.append(numbers())
        await anext(kept[0])

    run_on_asyncio(main)
    assert events == ["closed"]


def test_leaving_the_program_from_a_task_still_unwinds_main() -> None:
    events: list[str] = []

    async def leave() -> None:
        raise SystemExit(3)

    async def main() -> None:
        try:
            task = asyncio.create_task(leave())
            await forever()
            await task
        finally:
            events.append("unwound")

    with pytest.raises(SystemExit):
        run_on_asyncio(main)
    assert events == ["unwound"]
