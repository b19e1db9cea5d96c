"""Services and actions of a stack, as a test calls them."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.action_errors import ActionResultUnreachable
from peppy.runtime.action_server import ActionServer
from peppy.runtime.service_errors import ServiceError, ServiceUnreachable
from peppy.schema.control import DescribeWire
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.wire_finding import NotFound
from peppy.testing.stack.topics import NothingCame
from tests.runtime import action_nodes
from tests.runtime.service_nodes import REPEAT, TRIGGER, BareRequest, Request, Response, repeat
from tests.testing.stack.made_world import MadeWorld, made_stack

R = TypeVar("R")


def named(request: Request) -> Response:
    return Response(f"to {request.instance_id}")


def refuse(request: Request) -> Response:
    raise ValueError(f"never {request.data.times} times")


async def test_a_service_answers_by_the_names_of_its_document(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(REPEAT.handle_next_request, world.node("front"), repeat)
        answer = await stack.service("repeat").call({"text": "ab", "times": 2})
        assert answer == {"text": "abab"}


async def test_the_instance_that_is_meant_is_asked(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(REPEAT.handle_requests, world.node("rear"), repeat)
        nursery.start_soon(REPEAT.handle_requests, world.node("front"), named)
        values = {"text": "ab", "times": 2}
        for _ in range(3):
            answer = await stack.service("repeat").call(values, instance="front")
            assert answer == {"text": "to test"}
        assert world.asked == [DescribeWire()]  # documents do not change from call to call
        nursery.cancel_scope.cancel()


async def test_a_service_without_a_response_answers_nothing(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    fired: list[str] = []

    def fire(request: BareRequest) -> None:
        fired.append(request.instance_id)

    async with made_stack() as (world, stack):
        nursery.start_soon(TRIGGER.handle_next_request, world.node("front"), fire)
        assert await stack.service("fire").call() == {}
        assert fired == ["test"]


async def test_errors_of_a_call_are_those_that_node_code_gets(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    values = {"text": "ab", "times": 2}
    async with made_stack() as (world, stack):
        service = stack.service("repeat", "camera")
        with pytest.raises(ServiceUnreachable, match="no instance of node 'camera' is running"):
            await service.call(values)
        nursery.start_soon(REPEAT.handle_next_request, world.node("front"), refuse)
        with pytest.raises(ServiceError, match="never 2 times"):
            await service.call(values)
        with pytest.raises(DocumentError, match="is missing"):
            await service.call({"text": "ab"})
        with pytest.raises(PeppyError, match="takes no values"):
            await stack.service("fire").call({"text": "ab"})
        with pytest.raises(NotFound, match="no service 'repeats'"):
            await stack.service("repeats").call()


def saying(answer: R) -> Callable[[object], R]:
    """Return a handler that always answers this."""
    return lambda _: answer


async def server_in(world: MadeWorld) -> ActionServer:
    return await action_nodes.exposed().expose(world.node("left", "brain"))


async def carry_out(server: ActionServer) -> None:
    """Accept a goal, say how far it is, and come to its end."""
    await action_nodes.accept(server)
    for position in (1, 2):
        await trio.sleep(0.5)
        await server.emit_feedback(action_nodes.Feedback(position))
    await action_nodes.finish(server, final=3)


async def test_a_goal_is_followed_from_its_acceptance_to_its_result(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(carry_out, await server_in(world))
        goal = await stack.action("move").send({"arm": 1})
        assert (goal.accepted, goal.response, goal.server) == (True, {"accepted": True}, "left")
        assert await goal.next_feedback() == {"position": 1}
        assert await goal.result() == {"final": 3}
        assert [each async for each in goal.feedback()] == [{"position": 2}]


async def test_feedback_that_does_not_come_is_said(autojump_clock: MockClock) -> None:
    async with made_stack() as (world, stack):
        server = await server_in(world)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(action_nodes.accept, server)
            goal = await stack.action("move").send({"arm": 1})
        begun = trio.current_time()
        with pytest.raises(NothingCame, match=r"no feedback of action 'move' .* 2 s from 'left'"):
            await goal.next_feedback(within=2)
        assert trio.current_time() - begun == 2


async def test_a_goal_that_is_refused_has_no_result(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        server = await server_in(world)
        nursery.start_soon(server.handle_goal, saying(action_nodes.Response(accepted=False)))
        goal = await stack.action("move").send({"arm": 9})
        assert not goal.accepted
        with pytest.raises(ActionResultUnreachable):
            await goal.result()


async def test_a_goal_is_cancelled_if_its_server_agrees(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    never = action_nodes.CancelResponse(accepted=False, error_message="not now")
    well = action_nodes.CancelResponse(accepted=True)
    async with made_stack() as (world, stack):
        server = await server_in(world)
        nursery.start_soon(action_nodes.accept, server)
        goal = await stack.action("move").send({"arm": 1})
        nursery.start_soon(server.handle_cancel, saying(never))
        refused = await goal.cancel()
        assert (refused.accepted, refused.error_message) == (False, "not now")
        nursery.start_soon(server.handle_cancel, saying(well))
        assert (await goal.cancel()).accepted


async def test_a_stack_that_ends_lets_go_of_what_the_test_waits_for(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with made_stack() as (world, stack):
        nursery.start_soon(action_nodes.accept, await server_in(world))
        goal = await stack.action("move").send({"arm": 1})
    with pytest.raises(ActionResultUnreachable, match="shut down"):
        await goal.result()
