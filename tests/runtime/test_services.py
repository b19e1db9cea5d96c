"""Services between nodes on one network, on asyncio and on Trio."""

import asyncio
import math
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.transport.port import Closed
from tests.runtime.memory_nodes import BACKENDS
from tests.runtime.service_nodes import (
    CALL,
    CORE,
    PATIENCE,
    PULL,
    REPEAT,
    TRIGGER,
    Answer,
    BareRequest,
    Nodes,
    Request,
    RequestData,
    Response,
    among,
    idle,
    leave,
    repeat,
    repeat_soon,
)

on_each_loop = pytest.mark.parametrize("backend", BACKENDS)


@on_each_loop
@pytest.mark.parametrize("handler", [repeat, repeat_soon])
def test_a_handler_plain_or_async_answers_who_calls(backend: str, handler: Any) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        seen: list[Request] = []

        def noting(request: Request) -> Any:
            seen.append(request)
            return handler(request)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, noting)
            await idle()
            answer = await CALL.poll(client, RequestData("ab", 2), PATIENCE)
            assert answer == Answer(CORE, "front", Response("abab"))
        assert seen == [Request("me", CORE, RequestData("ab", 2))]

    among(backend, scenario)


@on_each_loop
def test_a_service_without_formats_passes_nothing_and_returns_nothing(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        seen: list[BareRequest] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(TRIGGER.handle_next_request, server, seen.append)
            await idle()
            assert await PULL.poll(client, None, PATIENCE) is None
        assert seen == [BareRequest("me", CORE)]

    among(backend, scenario)


@on_each_loop
def test_one_call_handles_one_request_and_the_next_waits_for_the_next_call(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        answers: list[str] = []

        async def call(text: str) -> None:
            answers.append((await CALL.poll(client, RequestData(text, 1), PATIENCE)).data.text)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, repeat)
            await idle()
            tasks.start_soon(call, "a")
            tasks.start_soon(call, "b")
            await idle()
            assert len(answers) == 1
            await REPEAT.handle_next_request(server, repeat)
        assert sorted(answers) == ["a", "b"]

    among(backend, scenario)


@on_each_loop
def test_an_error_of_a_handler_goes_to_the_caller_and_not_to_the_server(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        def fail(request: Request) -> Response:
            raise LookupError(f"no {request.data.text}")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, fail)
            await idle()
            with pytest.raises(ServiceError) as caught:
                await CALL.poll(client, RequestData("lens", 1), PATIENCE)
            tasks.start_soon(REPEAT.handle_next_request, server, repeat)
            assert (await CALL.poll(client, RequestData("x", 1), PATIENCE)).data.text == "x"
            assert str(caught.value) == "service 'repeat' returned error: LookupError: no lens"
            assert isinstance(caught.value, RuntimeError)

    among(backend, scenario)
    printed = capsys.readouterr().err
    assert printed.startswith("error: service 'repeat': a handler failed; the caller is told\n")
    assert "Traceback" in printed
    assert printed.endswith("LookupError: no lens\n")


@on_each_loop
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (3, "response of service 'repeat': the handler returned 3, not a 'Response'"),
        (None, "response of service 'repeat': the handler returned None, not a 'Response'"),
        (Response(7), "field 'text'"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
)
def test_an_answer_that_does_not_fit_is_named_to_both_sides(
    backend: str, answer: object, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        def wrong(_: Request) -> object:
            return answer

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, wrong)
            await idle()
            with pytest.raises(ServiceError) as caught:
                await CALL.poll(client, RequestData("x", 1), PATIENCE)
            assert told in str(caught.value)

    among(backend, scenario)
    assert told in capsys.readouterr().err


@on_each_loop
def test_a_caller_that_goes_away_cancels_its_handler_and_the_call_returns(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        events: list[str] = []

        async def never(request: Request) -> Response:
            try:
                await anyio.sleep(math.inf)
            finally:
                events.append("cancelled")
            raise AssertionError

        async def serve() -> None:
            await REPEAT.handle_next_request(server, never)
            events.append("returned")
            await anyio.lowlevel.checkpoint()
            events.append("went on")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            await idle()
            with pytest.raises(ServiceTimeout, match="service 'repeat' has timed out"):
                await CALL.poll(client, RequestData("x", 1), 0.05)
        assert events == ["cancelled", "returned", "went on"]
        assert server.traffic().ends[0].more["gone"] == 1

    among(backend, scenario)


@on_each_loop
def test_a_handler_may_finish_what_it_does_although_its_caller_has_gone(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        done: list[str] = []
        finished = anyio.Event()

        async def stubborn(request: Request) -> Response:
            try:
                await anyio.sleep(math.inf)
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(0.001)
                done.append(request.data.text)
                finished.set()
            return Response("late")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, stubborn)
            await idle()
            for text in ("a", "b"):
                with pytest.raises(ServiceTimeout):
                    await CALL.poll(client, RequestData(text, 1), 0.05)
                await finished.wait()
                finished = anyio.Event()
            assert done == ["a", "b"]
            assert client.exchange.late == 0
            tasks.cancel_scope.cancel()

    among(backend, scenario)


@on_each_loop
def test_a_wait_for_a_request_that_is_cancelled_loses_none(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        async def impatient() -> None:
            handled = 0

            def counting(request: Request) -> Response:
                nonlocal handled
                handled += 1
                return repeat(request)

            while handled < 30:
                with anyio.move_on_after(0):
                    await REPEAT.handle_next_request(server, counting)
                await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient)
            for number in range(30):
                answer = await CALL.poll(client, RequestData("x", number), PATIENCE)
                assert answer.data.text == "x" * number

    among(backend, scenario)


@on_each_loop
def test_a_request_whose_handling_is_cancelled_is_the_next_calls(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        begun: list[str] = []
        texts: list[str] = []

        async def long(request: Request) -> Response:
            begun.append(request.data.text)
            await anyio.sleep(math.inf)
            raise AssertionError

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, repeat)
            await idle()
            await CALL.poll(client, RequestData("known", 1), PATIENCE)

            async def call(text: str) -> None:
                answer = await CALL.poll(client, RequestData(text, 2), PATIENCE)
                texts.append(answer.data.text)

            tasks.start_soon(call, "a")
            await idle()
            tasks.start_soon(call, "b")
            await idle()
            with anyio.move_on_after(0.01) as scope:
                await REPEAT.handle_next_request(server, long)
            assert scope.cancelled_caught
            assert begun == ["a"]
            for _ in range(2):
                await REPEAT.handle_next_request(server, repeat)
                await idle()
        assert texts == ["aa", "bb"]
        assert server.traffic().ends[0].messages == 3

    among(backend, scenario)


def test_a_handler_that_raises_its_own_cancellation_is_a_failed_one() -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        async def awaits_a_cancelled_task(request: Request) -> Response:
            task = asyncio.ensure_future(asyncio.sleep(10))
            task.cancel()
            await task
            raise AssertionError

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, server, awaits_a_cancelled_task)
            await idle()
            with pytest.raises(ServiceError, match="CancelledError"):
                await CALL.poll(client, RequestData("x", 1), PATIENCE)

    among("asyncio", scenario)


def test_wait_for_ends_a_handler_as_any_other_wait() -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        async def long(request: Request) -> Response:
            await asyncio.sleep(10)
            raise AssertionError

        call = asyncio.ensure_future(CALL.poll(client, RequestData("x", 3), PATIENCE))
        for handler in (repeat_soon, long):
            try:
                await asyncio.wait_for(REPEAT.handle_next_request(server, handler), 1)
            except TimeoutError:
                assert handler is long
        assert (await call).data.text == "xxx"

    among("asyncio", scenario)


@on_each_loop
def test_requests_are_handled_so_many_at_a_time(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        at_work = 0
        most = 0

        async def busy(request: Request) -> Response:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            await anyio.sleep(0.002)
            at_work -= 1
            return repeat(request)

        async def call(number: int) -> None:
            answer = await CALL.poll(client, RequestData("x", number), PATIENCE)
            assert answer.data.text == "x" * number

        async with anyio.create_task_group() as serving:
            serving.start_soon(REPEAT.handle_requests, server, busy, 3)
            await idle()
            async with anyio.create_task_group() as tasks:
                for number in range(12):
                    tasks.start_soon(call, number)
            assert most == 3
            server.close()
        with pytest.raises(ValueError, match="a limit is a number of requests from 1, not 0"):
            await REPEAT.handle_requests(server, busy, 0)

    among(backend, scenario)


@on_each_loop
def test_a_service_can_be_called_from_inside_of_a_handler(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        one, other = nodes.node("one"), nodes.node("two")
        client = nodes.node("me", "viewer")

        async def pass_on(request: Request) -> Response:
            data = RequestData(request.data.text, request.data.times)
            answer = await CALL.poll(one, data, PATIENCE, target_instance_id="two")
            return Response(f"<{answer.data.text}>")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, one, pass_on)
            tasks.start_soon(REPEAT.handle_requests, other, repeat)
            await idle()
            answer = await CALL.poll(
                client, RequestData("x", 2), PATIENCE, target_instance_id="one"
            )
            assert answer.data.text == "<xx>"
            tasks.cancel_scope.cancel()

    among(backend, scenario)


@on_each_loop
def test_who_is_targeted_answers_and_nobody_else_hears_it(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        servers = {
            (core, name): nodes.node(name, core_node=core)
            for core, name in (("c1", "a"), ("c1", "b"), ("c2", "a"))
        }
        client = nodes.node("me", "viewer")
        async with anyio.create_task_group() as tasks:
            for server in servers.values():
                tasks.start_soon(REPEAT.handle_requests, server, repeat)
            await idle()
            for core, name in servers:
                answer = await CALL.poll(
                    client,
                    RequestData("", 0),
                    PATIENCE,
                    target_core_node=core,
                    target_instance_id=name,
                )
                assert (answer.core_node, answer.instance_id) == (core, name)
            tasks.cancel_scope.cancel()
        assert [runner.traffic().ends[0].messages for runner in servers.values()] == [1, 1, 1]

    among(backend, scenario)


@on_each_loop
def test_the_first_of_several_servers_wins_and_the_handlers_of_the_others_are_cancelled(
    backend: str,
) -> None:
    async def scenario(nodes: Nodes) -> None:
        quick, slow, client = nodes.node("quick"), nodes.node("slow"), nodes.node("me", "viewer")
        cancelled: list[str] = []

        async def dawdle(request: Request) -> Response:
            try:
                await anyio.sleep(math.inf)
            finally:
                cancelled.append(request.instance_id)
            raise AssertionError

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_next_request, slow, dawdle)
            tasks.start_soon(REPEAT.handle_next_request, quick, repeat_soon)
            await idle()
            answer = await CALL.poll(client, RequestData("x", 1), PATIENCE)
            assert answer.instance_id == "quick"
        assert cancelled == ["me"]

    among(backend, scenario)


@on_each_loop
def test_a_server_that_ends_while_it_works_is_not_waited_for(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        async def die(request: Request) -> Response:
            await leave(server)
            return repeat(request)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, die)
            await idle()
            with pytest.raises(ServiceUnreachable, match="went away before it did"):
                await CALL.poll(client, RequestData("x", 1), PATIENCE)

    among(backend, scenario)


@on_each_loop
@pytest.mark.parametrize("timeout", [-1, -0.001, math.nan])
def test_a_timeout_that_is_none_is_refused(backend: str, timeout: float) -> None:
    async def scenario(nodes: Nodes) -> None:
        with pytest.raises(ValueError, match="a timeout is a number of seconds from 0"):
            await PULL.poll(nodes.node("me"), None, timeout)

    among(backend, scenario)


@on_each_loop
def test_what_cannot_be_asked_is_refused_here(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        client = nodes.node("me")
        with pytest.raises(ValueError, match="'a/b' cannot be a server's name"):
            await CALL.poll(client, RequestData("", 0), PATIENCE, target_instance_id="a/b")
        with pytest.raises(ValueError, match="field 'times'"):
            await CALL.poll(client, RequestData("", 256), PATIENCE)

    among(backend, scenario)


@on_each_loop
def test_the_end_of_a_node_ends_its_serving_and_its_calls(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")

        async def wait(runner: NodeRunner) -> None:
            with pytest.raises(Closed):
                await REPEAT.handle_next_request(runner, repeat)

        async def call() -> None:
            with pytest.raises(Closed):
                await CALL.poll(client, RequestData("x", 1), PATIENCE)

        def ignore(_: BareRequest) -> None:
            pass

        async def never(_: Request) -> None:
            await anyio.sleep(math.inf)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(TRIGGER.handle_requests, server, ignore)
            tasks.start_soon(wait, server)
            await idle()
            await leave(server)
            tasks.start_soon(wait, server)
            await idle()
            back = nodes.node("front")
            tasks.start_soon(REPEAT.handle_requests, back, never)
            await idle()
            tasks.start_soon(call)
            await idle()
            await leave(client)
            await leave(back)
            tasks.cancel_scope.cancel()

    among(backend, scenario)
