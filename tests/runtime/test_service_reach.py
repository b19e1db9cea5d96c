"""Who is there to serve: what a caller learns, and when, on virtual time."""

import pytest
import trio
from trio.testing import MockClock

from peppy.runtime.reach import SETTLE, Target, why_missing
from peppy.runtime.service_errors import ServiceTimeout, ServiceUnreachable
from tests.runtime.service_nodes import (
    CALL,
    PATIENCE,
    REPEAT,
    Nodes,
    Request,
    RequestData,
    Response,
    leave,
    repeat,
)

ASKED = RequestData("x", 1)


@pytest.fixture
def nodes() -> Nodes:
    return Nodes()


async def test_that_nobody_is_there_is_known_at_once(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    client = nodes.node("me", "viewer")
    with pytest.raises(ServiceUnreachable):
        await CALL.poll(client, ASKED, PATIENCE)
    began = trio.current_time()
    with pytest.raises(ServiceUnreachable) as caught:
        await CALL.poll(client, ASKED, PATIENCE)
    assert trio.current_time() == began
    assert isinstance(caught.value, ConnectionError)
    assert str(caught.value) == (
        "service 'repeat' is unreachable: no instance of node 'camera' is running"
    )


async def test_a_node_that_has_just_come_waits_a_moment_for_others_to_be_seen(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    client = nodes.node("me", "viewer")
    began = trio.current_time()
    with pytest.raises(ServiceUnreachable):
        await CALL.poll(client, ASKED, PATIENCE)
    assert trio.current_time() - began == pytest.approx(SETTLE)


async def test_an_instance_that_lives_and_does_not_serve_yet_is_waited_for(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    server, client = nodes.node("front"), nodes.node("me", "viewer")

    async def serve_later() -> None:
        await trio.sleep(3)
        await REPEAT.handle_next_request(server, repeat)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve_later)
        answer = await CALL.poll(client, ASKED, PATIENCE)
    assert answer.data.text == "x"
    assert trio.current_time() == pytest.approx(3, abs=0.1)


async def test_an_instance_that_never_serves_is_unreachable_after_the_timeout(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    nodes.node("front")
    client = nodes.node("me", "viewer")
    with pytest.raises(ServiceUnreachable, match="'camera' is running and did not serve it"):
        await CALL.poll(client, ASKED, 2)
    assert trio.current_time() == pytest.approx(2)


async def test_an_instance_that_ends_while_it_is_waited_for_is_not_waited_for_any_more(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    server, client = nodes.node("front"), nodes.node("me", "viewer")

    async def end() -> None:
        await trio.sleep(3)
        await leave(server)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(end)
        with pytest.raises(ServiceUnreachable, match="no instance of node 'camera' is running"):
            await CALL.poll(client, ASKED, PATIENCE)
    assert trio.current_time() == pytest.approx(3)


async def test_a_request_that_was_taken_up_times_out(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    server, client = nodes.node("front"), nodes.node("me", "viewer")

    async def slow(request: Request) -> Response:
        await trio.sleep(5)
        return repeat(request)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(REPEAT.handle_next_request, server, slow)
        with pytest.raises(ServiceTimeout) as caught:
            await CALL.poll(client, ASKED, 2, target_instance_id="front")
    assert isinstance(caught.value, TimeoutError)
    assert str(caught.value) == (
        "service 'repeat' for instance 'front' has timed out: no answer within 2 s"
    )
    assert trio.current_time() == pytest.approx(2, abs=0.1)


async def test_a_request_that_nobody_takes_up_is_unreachable(
    nodes: Nodes, autojump_clock: MockClock
) -> None:
    server, client = nodes.node("front"), nodes.node("me", "viewer")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(REPEAT.handle_next_request, server, repeat)
        await CALL.poll(client, ASKED, PATIENCE)
    with pytest.raises(ServiceUnreachable, match="nobody took the request up within 2 s"):
        await CALL.poll(client, ASKED, 2)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (Target("radar"), "no instance of node 'radar' is running"),
        (Target("camra"), "no instance of node 'camra' is running; did you mean 'camera'?"),
        (
            Target("camera", None, "frnt"),
            "no instance 'frnt' of node 'camera' is running; did you mean 'front'?"
            " (running: 'front', 'rear')",
        ),
        (
            Target("camera", None, "zzz"),
            "no instance 'zzz' of node 'camera' is running (running: 'front', 'rear')",
        ),
        (
            Target("camera", "core-9", "front"),
            "nothing of node 'camera' is running under core node 'core-9'; did you mean 'core-1'?",
        ),
        (
            Target("camera", "zzz"),
            "nothing of node 'camera' is running under core node 'zzz' (it is under 'core-1')",
        ),
    ],
)
def test_who_is_missing_is_told_beside_who_is_there(target: Target, why: str) -> None:
    alive = [("core-1", "camera", "front"), ("core-1", "camera", "rear"), ("core-1", "arm", "me")]
    assert why_missing(target, alive) == why


def test_no_more_than_a_few_are_named() -> None:
    alive = [("core-1", "camera", f"c{number}") for number in range(9)]
    why = why_missing(Target("camera", None, "zzz"), alive)
    assert why.endswith("(running: 'c0', 'c1', 'c2', 'c3', 'c4' and 4 more)")
