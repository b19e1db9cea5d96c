"""The nodes and instances of a stack, as a test has them stopped, started and looked at."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from peppy.schema.control import InstanceState, ListStack, RunNode, StackView, Stage, StopInstance
from peppy.schema.launch import LaunchPlanView, PlanLaunch, PlannedInstance, PlannedNode
from peppy.schema.names import InstanceId
from peppy.schema.restart import RestartMode
from peppy.schema.wire_finding import Ambiguous, NotFound
from peppy.testing.sentences import event, line
from peppy.testing.stack.launched import RealNetwork
from peppy.testing.trace import Kind, NotShown
from tests.testing.stack.made_world import CAMERA, CORE, LAUNCHER, MadeWorld, made_stack, stack_of

PLAN = LaunchPlanView(
    launcher=LAUNCHER,
    stops=(),
    removes=(),
    nodes=(
        PlannedNode(
            node=CAMERA,
            origin="/robot/camera",
            variant="default",
            wave=0,
            instances=tuple(
                PlannedInstance(
                    instance_id=InstanceId(name),
                    arguments={"rate": rate},
                    restart="never",
                )
                for name, rate in (("front", 5), ("rear", 30))
            ),
        ),
    ),
    dependencies=(),
)


def saying(view: StackView) -> Callable[[object], StackView]:
    """Return a daemon's answer that is always this."""
    return lambda _: view


def listen(world: MadeWorld) -> dict[str, Any]:
    """Have orders answered; return what they were, by their kind."""
    orders: dict[str, Any] = {}

    def take(request: Any) -> Any:
        orders[type(request).__name__] = request
        return request

    world.answers |= {StopInstance: take, RunNode: take, PlanLaunch: lambda _: PLAN}
    return orders


async def test_an_instance_is_started_as_its_launch_file_has_it(autojump_clock: MockClock) -> None:
    async with made_stack() as (world, stack):
        orders = listen(world)
        world.answers[ListStack] = saying(stack_of(CAMERA))
        await stack.instance("front").start()
        order = orders["RunNode"]
        assert (order.node, order.instance_id, order.values) == (CAMERA, "front", {"rate": 5})
        assert order.environment == {"HOME": "/home/robot", "MODE": "slow"}
        assert order.restart.mode is RestartMode.ON_FAILURE


@pytest.mark.parametrize("state", [InstanceState.RUNNING, InstanceState.FAILED])
async def test_what_is_listed_is_stopped_before_it_is_started_again(
    autojump_clock: MockClock, state: InstanceState
) -> None:
    async with made_stack() as (world, stack):
        orders = listen(world)
        world.answers[ListStack] = lambda _: (
            stack_of(CAMERA) if orders else stack_of(CAMERA, "rear", state=state)
        )
        await stack.instance("rear").restart()
        assert list(orders) == ["StopInstance", "RunNode"]
        orders.clear()
        world.answers[ListStack] = saying(stack_of(CAMERA))
        await stack.instance("rear").restart()
        assert list(orders) == ["RunNode"]


async def test_an_instance_that_was_stopped_has_no_state_and_one_that_never_was_is_an_error(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (world, stack):
        listen(world)
        assert await stack.instance("rear").state() is InstanceState.RUNNING
        world.answers[ListStack] = saying(stack_of(CAMERA))
        assert await stack.instance("rear").state() is None
        for work in ("start", "restart", "info", "state", "healthy"):
            with pytest.raises(NotFound) as caught:
                await getattr(stack.instance("reer"), work)()
            assert caught.value.hint == "did you mean 'rear'?"


async def test_an_instance_that_has_events_is_known_though_no_file_names_it(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (world, stack):
        world.trace.add(Kind.EVENT, "third", "stopped")
        assert await stack.instance("third").state() is None


async def test_an_instance_is_well_if_its_own_loop_answers(autojump_clock: MockClock) -> None:
    async with made_stack() as (world, stack):
        world.node("front")
        assert await stack.instance("front").healthy()
        begun = trio.current_time()
        assert not await stack.instance("rear").healthy(within=2.0)
        assert trio.current_time() - begun <= 2.0


async def test_an_instance_has_the_lines_that_it_has_printed(autojump_clock: MockClock) -> None:
    async with made_stack() as (world, stack):
        for who, text in (("front", "one"), ("rear", "two"), ("front", "three")):
            world.printed(who, text)
        assert stack.instance("front").lines() == ["one", "three"]
        assert stack.instance("front").log() == "one\nthree\n"


async def test_a_node_is_found_by_its_name_with_or_without_its_tag(
    autojump_clock: MockClock,
) -> None:
    document = b"""{ peppy_schema: "node_v1", manifest: { name: "camera", tag: "v1" },
        interfaces: {}, execution: { language: "python", run_cmd: ["python", "a.py"],
        build_cmd: ["true"] } }"""
    async with made_stack() as (world, stack):
        world.files["/nodes/camera/peppy.json5"] = document
        assert await stack.node("camera").stage() is Stage.READY
        assert list(await stack.node("camera:v1").instances()) == ["front", "rear"]
        assert (await stack.node("camera").document()).manifest.id == CAMERA
        assert list(await stack.instances()) == ["front", "rear"]
        assert (await stack.view()).core_node == CORE


async def test_an_unknown_node_names_the_nearest_and_an_ambiguous_one_all(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (world, stack):
        with pytest.raises(NotFound) as unknown:
            await stack.node("kamera").stage()
        assert unknown.value.hint == "did you mean 'camera:v1'?"
        both = stack_of(CAMERA)
        twice = msgspec.structs.replace(both, nodes=(*both.nodes, both.nodes[1]))
        world.answers[ListStack] = saying(twice)
        with pytest.raises(Ambiguous):
            await stack.node("camera").stage()


async def test_one_more_instance_of_a_node_gets_the_arguments_that_the_test_gives(
    autojump_clock: MockClock,
) -> None:
    async with made_stack() as (world, stack):
        orders = listen(world)
        await stack.node("camera").start("top", {"rate": 60})
        order = orders["RunNode"]
        assert (order.node, order.instance_id, order.values) == (CAMERA, "top", {"rate": 60})


async def test_a_sentence_is_waited_for_in_the_time_of_the_stack(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async def happen(world: MadeWorld) -> None:
        await trio.sleep(30)
        world.printed("front", "all is well")

    async with made_stack() as (world, stack):
        nursery.start_soon(happen, world)
        found = await stack.until(line("is well", "front"), within=40)
        assert found.at == 30
        with pytest.raises(NotShown):
            await stack.until(event("stopped"), within=600)
        await stack.sleep(10)
        assert trio.current_time() == 640


async def test_a_real_network_cannot_be_parted(autojump_clock: MockClock) -> None:
    async with made_stack() as (_, stack):
        with pytest.raises(RealNetwork, match="cannot be slowed down"):
            stack.network.part({"front"}, {"rear"})
