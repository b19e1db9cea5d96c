"""A subscription as node code holds it: in a block, for many tasks, losing nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.credit import MOST
from peppy.runtime.inlet import Inlet, Messages
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.memory import MemoryNetwork
from peppy.runtime.transport.port import Closed
from tests.runtime.memory_nodes import BACKENDS, runner_over
from tests.runtime.topic_ends import (
    Item,
    Source,
    consumed,
    emitted,
    inlet_on,
    only_peer,
    packed,
    run_on,
)
from tests.runtime.transport.wires import WORLDS, Wire, World, heard, until

in_each_world = pytest.mark.parametrize("world", WORLDS)

MANY = 2 * MOST

EMITTED = {qos: emitted(qos) for qos in ("reliable", "standard", "critical")}

Meeting = Callable[[NodeRunner, Messages[Item]], Awaitable[None]]


def meet(world: World, scenario: Meeting, qos: str = "reliable") -> None:
    """Run a scenario with a node that emits, and a subscription of another that hears it."""

    async def main(wire: Wire) -> None:
        here, there = [runner_over(await wire.join(), name, name) for name in ("camera", "viewer")]
        async with consumed(qos=qos).subscribe(there) as messages:
            outlet = await emitted(qos).outlet(here)
            await until(outlet.matched)
            await scenario(here, messages)
        here.close()
        there.close()

    world.run(main)


async def emit(runner: NodeRunner, numbers: range, qos: str = "reliable") -> None:
    topic = EMITTED[qos]
    for number in numbers:
        await topic.emit(runner, number, b"")


@in_each_world
@pytest.mark.parametrize("qos", ["reliable", "critical"])
def test_a_loop_over_a_subscription_gets_every_message_in_order(world: World, qos: str) -> None:
    async def scenario(here: NodeRunner, messages: Messages[Item]) -> None:
        got: list[int] = []
        async with anyio.create_task_group() as group:
            group.start_soon(emit, here, range(MANY), qos)
            async for instance_id, item in messages:
                assert instance_id == "camera"
                got.append(item.number)
                if len(got) == MANY:
                    break
        assert got == list(range(MANY))
        traffic = messages.traffic()
        assert traffic is not None
        assert (traffic.messages, traffic.dropped, only_peer(traffic).lost) == (MANY, 0, 0)

    meet(world, scenario, qos)


@in_each_world
def test_many_tasks_share_a_subscription_and_each_message_goes_to_one(world: World) -> None:
    async def scenario(here: NodeRunner, messages: Messages[Item]) -> None:
        got: list[int] = []
        shares: dict[int, int] = {}

        async def consume(task: int, scope: anyio.CancelScope) -> None:
            with scope:
                async for _, item in messages:
                    got.append(item.number)
                    shares[task] = shares.get(task, 0) + 1
                    await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            scopes = [anyio.CancelScope() for _ in range(5)]
            for task, scope in enumerate(scopes):
                group.start_soon(consume, task, scope)
            await emit(here, range(MANY))
            await until(lambda: len(got) == MANY)
            for scope in scopes:
                scope.cancel()
        assert sorted(got) == list(range(MANY))
        assert len(shares) == 5

    meet(world, scenario)


async def impatiently(loop: str, messages: Messages[Item], attempt: int) -> int | None:
    """Return a message's number if one comes within no time, as the loop's own code has it."""
    patience = (0, 1e-5)[attempt % 2]
    if loop == "trio":
        with trio.move_on_after(patience):
            return (await messages.receive())[1].number
        return None
    try:
        return (await asyncio.wait_for(messages.receive(), patience))[1].number
    except TimeoutError:
        return None


@in_each_world
def test_waits_that_are_cancelled_again_and_again_lose_nothing(world: World) -> None:
    async def scenario(here: NodeRunner, messages: Messages[Item]) -> None:
        got: list[int] = []
        async with anyio.create_task_group() as group:
            group.start_soon(emit, here, range(500))
            attempt = 0
            while len(got) < 500:
                attempt += 1
                number = await impatiently(world.loop, messages, attempt)
                if number is not None:
                    got.append(number)
                await anyio.lowlevel.checkpoint()
        assert got == list(range(500))

    meet(world, scenario)


@in_each_world
def test_a_subscription_that_is_left_from_inside_of_its_loop_is_over(world: World) -> None:
    async def main(wire: Wire) -> None:
        runner = runner_over(await wire.join(), "camera", "camera")
        topic = EMITTED["standard"]
        outlet = await topic.outlet(runner)
        messages = consumed(qos="standard").subscribe(runner)
        with pytest.raises(RuntimeError, match="inside of its 'async with'"):
            await messages.receive()
        got: list[int] = []
        async with messages:
            assert len(runner.traffic().ends) == 2
            await emit(runner, range(3), "standard")
            async for _, item in messages:
                got.append(item.number)
                if item.number == 1:
                    await messages.__aexit__(None, None, None)
                    break
        assert got == [0, 1]
        assert messages.traffic() is None
        assert not outlet.matched()
        assert len(runner.traffic().ends) == 1
        with pytest.raises(RuntimeError, match="inside of its 'async with'"):
            await messages.receive()
        runner.close()

    world.run(main)


@in_each_world
def test_a_loop_ends_by_itself_when_the_connection_closes(world: World) -> None:
    async def main(wire: Wire) -> None:
        runner = runner_over(await wire.join(), "camera", "camera")
        got: list[int] = []
        ended: list[str] = []

        async def consume() -> None:
            async with consumed(qos="standard").subscribe(runner) as messages:
                async for _, item in messages:
                    got.append(item.number)
                with pytest.raises(Closed):
                    await messages.receive()
            ended.append("loop")

        async with anyio.create_task_group() as group:
            group.start_soon(consume)
            outlet = await EMITTED["standard"].outlet(runner)
            await until(outlet.matched)
            await emit(runner, range(3), "standard")
            await until(lambda: len(got) == 3)
            await runner.transport.close()
        assert (got, ended) == ([0, 1, 2], ["loop"])

    world.run(main)


@in_each_world
def test_two_subscriptions_of_one_node_each_get_everything(world: World) -> None:
    async def main(wire: Wire) -> None:
        here, there = [runner_over(await wire.join(), name, name) for name in ("camera", "viewer")]
        topic = consumed(qos="standard")
        async with topic.subscribe(there) as one, topic.subscribe(there, None, "camera") as other:
            publisher = here.transport.publisher("peppy/topic/items/camera/core/camera")
            await heard(publisher)
            outlet = await EMITTED["standard"].outlet(here)
            await until(outlet.matched)
            await anyio.sleep(0.02)
            await emit(here, range(20), "standard")
            for messages in (one, other):
                got = [(await messages.receive())[1].number for _ in range(20)]
                assert got == list(range(20))

    world.run(main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_that_wait_when_several_arrive_together_all_get_one(backend: str) -> None:
    async def main() -> None:
        network = MemoryNetwork()
        inlet, source = inlet_on(network), Source(network)
        got: dict[int, int] = {}

        async def wait(task: int) -> None:
            got[task] = (await inlet.next())[1].number

        async with anyio.create_task_group() as group:
            for task in range(4):
                group.start_soon(wait, task)
                await anyio.wait_all_tasks_blocked()
            source.many([packed(number) for number in range(10)])
        assert sorted(got.values()) == [0, 1, 2, 3]
        assert [(await inlet.next())[1].number for _ in range(6)] == [4, 5, 6, 7, 8, 9]
        assert inlet.traffic().messages == 10

    run_on(backend, main)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["one", "many", "many", "wait", "wait", "cancel", "cancel and many", "turn"]
        ),
        st.integers(0, 7),
    ),
    max_size=30,
)


class Bench:
    """Tasks that wait at an inlet for messages that arrive alone and together."""

    def __init__(self, group: Any) -> None:
        network = MemoryNetwork()
        self.inlet: Inlet[Item] = inlet_on(network)
        self.sent = 0
        self.got: list[int] = []
        self._source = Source(network)
        self._group = group
        self._scopes: list[anyio.CancelScope] = []

    async def do(self, step: str, which: int) -> None:
        if "cancel" in step and self._scopes:
            self._scopes[which % len(self._scopes)].cancel()
        if step == "one":
            self._source.one(packed(self.sent))
            self.sent += 1
        if "many" in step:
            numbers = range(self.sent, self.sent + which + 2)
            self._source.many([packed(number) for number in numbers])
            self.sent = numbers.stop
        if step == "wait":
            self._scopes.append(anyio.CancelScope())
            self._group.start_soon(self._wait, self._scopes[-1])
            if which % 2:
                await anyio.wait_all_tasks_blocked()
        if step == "turn":
            await anyio.wait_all_tasks_blocked()

    async def _wait(self, scope: anyio.CancelScope) -> None:
        with scope:
            self.got.append((await self.inlet.next())[1].number)


@pytest.mark.parametrize("backend", BACKENDS)
@given(STEPS)
def test_however_tasks_and_messages_meet_each_message_is_handed_out_once(
    backend: str, steps: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        async with anyio.create_task_group() as group:
            bench = Bench(group)
            benches.append(bench)
            for step, which in steps:
                await bench.do(step, which)
            await anyio.wait_all_tasks_blocked()
            while len(bench.got) < bench.sent:
                bench.got.append((await bench.inlet.next())[1].number)
            group.cancel_scope.cancel()

    benches: list[Bench] = []
    run_on(backend, main)
    (bench,) = benches
    assert sorted(bench.got) == list(range(bench.sent))
    traffic = bench.inlet.traffic()
    assert (traffic.messages, traffic.waiting) == (bench.sent, 0)
