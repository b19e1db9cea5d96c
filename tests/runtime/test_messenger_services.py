"""Services of bytes: answered as among bindings, with the same errors."""

from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from peppy.runtime.messenger import TopicMessage
from peppy.runtime.messenger_services import (
    Handler,
    ServiceEndpoint,
    ServiceMessenger,
    ServiceRequestContext,
)
from peppy.runtime.runner import NodeRunner
from peppy.runtime.service_errors import ServiceError, ServiceTimeout, ServiceUnreachable
from peppy.runtime.services import ConsumedService, ExposedService
from peppy.runtime.transport.memory import MemoryNetwork
from tests.runtime.memory_nodes import runner_on
from tests.runtime.messenger_nodes import WORLDS, Payload, Robot, World, messenger_of
from tests.runtime.service_nodes import CORE, BareRequest
from tests.runtime.transport.wires import until

BYTES = {"payload": "bytes"}


@dataclass(slots=True)
class Request:
    instance_id: str
    core_node: str
    data: Payload


@dataclass(slots=True)
class Answer:
    core_node: str
    instance_id: str
    data: Payload


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


async def listen(runner: NodeRunner, service: str = "repeat") -> ServiceEndpoint:
    return await ServiceMessenger.listen(*messenger_of(runner), runner.node_name(), service)


async def poll(
    runner: NodeRunner,
    payload: bytes = b"",
    timeout: float = 10,
    service: str = "repeat",
    instance_id: str | None = None,
) -> TopicMessage:
    return await ServiceMessenger.poll(
        *messenger_of(runner), "camera", service, None, instance_id, payload, timeout
    )


async def serve(endpoint: ServiceEndpoint, handler: Handler) -> None:
    """Answer whatever is asked: a request whose caller has just given up is one as well."""
    while await endpoint.handle_next_request(handler):
        pass


def twice(context: ServiceRequestContext) -> bytes:
    return context.payload * 2


async def twice_soon(context: ServiceRequestContext) -> bytes:
    await anyio.lowlevel.checkpoint()
    return twice(context)


@pytest.mark.parametrize("handler", [twice, twice_soon])
def test_bytes_are_answered_with_bytes(world: World, handler: Any) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        endpoint = await listen(camera)
        returned: list[bool] = []

        async def serve() -> None:
            while len(returned) < 3:
                returned.append(await endpoint.handle_next_request(handler))

        robot.go_on(serve)
        for payload in (b"", b"ab", b"large" * 5000):
            answer = await poll(viewer, payload)
            assert answer.payload == payload * 2
            assert (answer.core_node, answer.instance_id) == (CORE, "front")
            assert answer.key_expr == f"peppy/service/repeat/camera/{CORE}/front"
        await until(lambda: len(returned) == 3)
        assert returned == [True] * 3

    world.run(scenario)


def test_a_handler_sees_what_is_asked_and_by_whom(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        endpoint = await listen(camera)
        seen: list[ServiceRequestContext] = []

        def handler(context: ServiceRequestContext) -> bytes:
            seen.append(context)
            return b""

        for payload in (b"one", b"two"):
            robot.go_on(endpoint.handle_next_request, handler)
            await poll(viewer, payload)
        assert [context.payload for context in seen] == [b"one", b"two"]
        assert {(context.core_node, context.instance_id) for context in seen} == {(CORE, "ada")}
        assert seen[0].message.key_expr == f"peppy/service/repeat/camera/{CORE}/front"
        assert len({context.request_id for context in seen}) == 2
        assert all(len(context.request_id) == 16 for context in seen)

    world.run(scenario)


def test_who_is_not_there_is_unreachable_at_once(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        viewer = await robot.node("ada", "viewer")
        with pytest.raises(ServiceUnreachable, match="no instance of node 'camera' is running"):
            await poll(viewer, timeout=1000)
        await robot.node("front")
        with pytest.raises(ConnectionError, match="'repeat' for instance 'rear' is unreachable"):
            await poll(viewer, timeout=1000, instance_id="rear")

    world.run(scenario)


def test_a_request_that_nobody_takes_up_and_one_that_takes_too_long_differ(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        endpoint = await listen(camera)
        with pytest.raises(ServiceUnreachable, match="nobody took the request up"):
            await poll(viewer, timeout=0.2)

        async def never(_: ServiceRequestContext) -> bytes:
            await anyio.sleep_forever()
            raise AssertionError

        robot.go_on(serve, endpoint, never)
        with pytest.raises(ServiceTimeout, match="no answer within"):
            await poll(viewer, timeout=0.2)

    world.run(scenario)


def test_a_handler_that_fails_or_answers_no_bytes_is_the_callers_error(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        endpoint = await listen(camera)
        returned: list[bool] = []

        def fails(context: ServiceRequestContext) -> bytes:
            raise ValueError(context.payload.decode())

        async def numbers(_: ServiceRequestContext) -> int:
            return 17

        def nothing(_: ServiceRequestContext) -> None:
            pass

        async def serve() -> None:
            returned.append(await endpoint.handle_next_request(fails))
            returned.append(await endpoint.handle_next_request(numbers))
            returned.append(await endpoint.handle_next_request(nothing))

        robot.go_on(serve)
        for said in ("ValueError: boo", "TypeError: a payload is bytes, not int", "not NoneType"):
            with pytest.raises(ServiceError, match=said):
                await poll(viewer, b"boo")
        await until(lambda: returned == [True] * 3)

    world.run(scenario)
    assert "ValueError: boo" in capfd.readouterr().err


@pytest.mark.parametrize("timeout", [-1, float("nan")])
async def test_what_is_no_time_out_is_refused(timeout: float) -> None:
    with pytest.raises(ValueError, match="a number of seconds from 0"):
        await poll(runner_on(MemoryNetwork()), timeout=timeout)


async def test_what_is_no_name_and_what_is_no_bytes_is_refused() -> None:
    runner = runner_on(MemoryNetwork())
    with pytest.raises(ValueError, match="'a/b' cannot be a name"):
        await listen(runner, "a/b")
    with pytest.raises(ValueError, match="cannot be a name"):
        await poll(runner, service="*")
    with pytest.raises(ValueError, match="cannot be a server's name"):
        await poll(runner, instance_id="*")
    with pytest.raises(TypeError, match="bytes, not str"):
        await poll(runner, "text")  # type: ignore[arg-type]


def test_a_service_is_reachable_while_somebody_listens(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        asked = (*messenger_of(viewer), "camera", "repeat")
        assert not await ServiceMessenger.is_reachable(*asked)
        await listen(camera)
        while not await ServiceMessenger.is_reachable(*asked):
            await anyio.lowlevel.checkpoint()
        while not await ServiceMessenger.is_reachable(*asked, CORE, "front"):
            await anyio.lowlevel.checkpoint()
        assert not await ServiceMessenger.is_reachable(*asked, CORE, "rear")
        camera.close()
        while await ServiceMessenger.is_reachable(*asked):
            await anyio.lowlevel.checkpoint()

    world.run(scenario)


def test_who_listens_again_and_again_is_one_server(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")

        async def answer_one() -> None:
            await (await listen(camera)).handle_next_request(twice)

        for _ in range(10):
            robot.go_on(answer_one)
            assert (await poll(viewer, b"ab")).payload == b"abab"
        assert len(camera.ends()) == 1

    world.run(scenario)


def test_a_cancelled_wait_leaves_the_request_to_the_next(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        endpoint = await listen(camera)
        begun = anyio.Event()

        async def never(_: ServiceRequestContext) -> bytes:
            begun.set()
            await anyio.sleep_forever()
            raise AssertionError

        async def serve() -> None:
            with anyio.CancelScope() as scope:

                async def cancel() -> None:
                    await begun.wait()
                    scope.cancel()

                robot.go_on(cancel)
                await endpoint.handle_next_request(never)
            await endpoint.handle_next_request(twice)

        robot.go_on(serve)
        assert (await poll(viewer, b"ab")).payload == b"abab"

    world.run(scenario)


def test_a_node_that_ends_lets_its_server_go(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera = await robot.node("front")
        endpoint = await listen(camera)
        returned: list[bool] = []

        async def serve() -> None:
            returned.append(await endpoint.handle_next_request(twice))

        robot.go_on(serve)
        await anyio.wait_all_tasks_blocked()
        camera.close()
        await until(lambda: returned == [False])

    world.run(scenario)


def test_bindings_of_the_same_formats_call_and_are_called(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        bound = ConsumedService("camera", "repeat", BYTES, Payload, BYTES, Payload, Answer)
        endpoint = await listen(camera)
        robot.go_on(endpoint.handle_next_request, twice)
        answer = await bound.poll(viewer, Payload(b"ab"), 10)
        assert answer == Answer(CORE, "front", Payload(b"abab"))

        exposed = ExposedService("turn", BYTES, Payload, Request, BYTES, Payload)

        def turned(request: Request) -> Payload:
            return Payload(request.data.payload[::-1])

        robot.go_on(exposed.handle_next_request, camera, turned)
        assert (await poll(viewer, b"abc", service="turn")).payload == b"cba"

    world.run(scenario)


def test_bindings_of_other_formats_are_refused_and_told_the_difference(world: World) -> None:
    async def scenario(robot: Robot) -> None:
        camera, viewer = await robot.node("front"), await robot.node("ada", "viewer")
        exposed = ExposedService("fire", None, None, BareRequest, None, None)

        def nothing(_: BareRequest) -> None:
            pass

        robot.go_on(exposed.handle_next_request, camera, nothing)
        with pytest.raises(ServiceError, match="has another message format"):
            await poll(viewer, service="fire")

        endpoint = await listen(camera)
        robot.go_on(endpoint.handle_next_request, twice)
        bound = ConsumedService("camera", "repeat", None, None, None, None, None)
        with pytest.raises(ServiceError, match="has another message format"):
            await bound.poll(viewer, None, 10)

    world.run(scenario)
