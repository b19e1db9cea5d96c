"""Requests that are none, and formats that differ: named on both sides, and the node goes on."""

import random
from typing import Any

import anyio
import msgspec
import pytest

from peppy.runtime.service_errors import ServiceError
from peppy.runtime.service_formats import MISMATCH, UNREADABLE
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.exchange_errors import Refused
from peppy.schema import keys, service_label
from tests.runtime.memory_nodes import BACKENDS
from tests.runtime.service_nodes import (
    CALL,
    PATIENCE,
    PULL,
    REPEAT,
    REQUEST,
    Nodes,
    RequestData,
    among,
    consumed,
    idle,
    repeat,
)

on_each_loop = pytest.mark.parametrize("backend", BACKENDS)


@on_each_loop
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"request_format": {"text": "string", "times": "u16"}},
            "'front' has another message format:"
            " request field 'times' is 'u16' here and 'u8' there",
        ),
        (
            {"request_format": None},
            "'front' has another message format: a request holds nothing here and something there",
        ),
        (
            {
                "request_format": {"text": "bytes", "times": "u16"},
                "response_format": None,
                "response_data": None,
            },
            "'front' has another message format: request field 'text' is 'bytes' here and 'string'"
            " there; request field 'times' is 'u16' here and 'u8' there;"
            " a response holds nothing here and something there",
        ),
    ],
)
def test_a_caller_with_another_format_is_told_field_by_field(
    backend: str, changes: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        other = consumed(**changes)
        request = (
            RequestData(b"x", 1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            if changes["request_format"] != {"text": "string", "times": "u16"}
            else RequestData("x", 1)
        )
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, repeat)
            await idle()
            for _ in range(3):
                with pytest.raises(ServiceError) as caught:
                    await other.poll(client, request, PATIENCE)
                assert str(caught.value) == f"service 'repeat' returned error: {told}"
            assert (await CALL.poll(client, RequestData("x", 1), PATIENCE)).data.text == "x"
            tasks.cancel_scope.cancel()
        (end,) = server.traffic().ends
        assert (end.messages, end.peers[0].mismatched, end.more["refused"]) == (1, 3, 3)
        mismatched = [peer.mismatched for each in client.traffic().ends for peer in each.peers]
        assert sorted(mismatched) == [0, 3]

    among(backend, scenario)
    printed = capsys.readouterr().err
    assert printed.count("requests of 'me' are refused: its message formats are others") == 1


@on_each_loop
def test_what_a_refusing_server_says_of_its_formats_need_not_be_true(backend: str) -> None:
    details = [b"", b"\xc1", msgspec.msgpack.encode([1, 2]), msgspec.msgpack.encode([{"a": {}}, 1])]
    details += [msgspec.msgpack.encode([{"x": "u99"}, None]), b"\x91" * 10_000]
    details += [msgspec.msgpack.encode([dict(REQUEST), {"text": "string"}])]

    async def scenario(nodes: Nodes) -> None:
        stranger, client = nodes.node("front"), nodes.node("me", "viewer")
        detail = b""

        def refuse(request: IncomingRequest) -> None:
            request.refuse("no", MISMATCH, detail)

        address = stranger.address
        stranger.exchange.serve(
            keys.service(address, "repeat"),
            announce=keys.service(address, "repeat"),
            arrived=refuse,
        )
        told = "'front' has another message format: the message formats differ"
        for detail in details:  # noqa: B007  # `refuse` sends it
            with pytest.raises(ServiceError, match=told):
                await CALL.poll(client, RequestData("x", 1), PATIENCE)

    among(backend, scenario)


@on_each_loop
def test_a_payload_that_is_no_request_is_refused_and_the_node_keeps_serving(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(7)
    payloads = [b"", b"\xc1", b"\x81" * 100_000, b"\x91" * 1_000_000, b"\xdf\xff\xff\xff\xff"]
    payloads += [chance.randbytes(chance.randrange(1, 80)) for _ in range(200)]
    payloads += [msgspec.msgpack.encode({"text": "x", "times": 256})]
    payloads += [msgspec.msgpack.encode({"text": "x" * 1_000_000})]

    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        label = service_label.pack(*REPEAT.formats.fingerprints, client.address)
        key = keys.service(server.address, "repeat")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, repeat)
            await idle()
            for payload in payloads:
                with pytest.raises(Refused, match="the payload cannot be read") as caught:
                    await client.exchange.ask(key, payload, attachment=label, timeout=PATIENCE)
                assert caught.value.kind == UNREADABLE
            assert (await CALL.poll(client, RequestData("x", 2), PATIENCE)).data.text == "xx"
            tasks.cancel_scope.cancel()
        (end,) = server.traffic().ends
        assert (end.messages, end.peers[0].unreadable) == (1, len(payloads))

    among(backend, scenario)
    assert capsys.readouterr().err.count("warning: ") == 1


@on_each_loop
def test_a_request_that_does_not_say_who_asks_is_refused(backend: str) -> None:
    labels = [b"", b"x" * 15, bytes(16), bytes(16) + b"core", bytes(16) + b"/me"]
    labels += [bytes(16) + b"\xff/me", bytes(16) + b"core/\x1b[31m", b"\xff" * 5000]

    async def scenario(nodes: Nodes) -> None:
        server, client = nodes.node("front"), nodes.node("me", "viewer")
        key = keys.service(server.address, "repeat")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, repeat)
            await idle()
            for label in labels:
                with pytest.raises(Refused, match="does not say who asks"):
                    await client.exchange.ask(key, b"", attachment=label, timeout=PATIENCE)
            tasks.cancel_scope.cancel()
        assert server.traffic().ends[0].foreign == len(labels)

    among(backend, scenario)


@on_each_loop
def test_a_response_that_cannot_be_read_is_an_error_of_the_call(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        stranger, client = nodes.node("front"), nodes.node("me", "viewer")
        address = stranger.address
        stranger.exchange.serve(
            keys.service(address, "repeat"),
            announce=keys.service(address, "repeat"),
            arrived=lambda request: request.reply(b"\xc1"),
        )
        with pytest.raises(ServiceError, match="the payload cannot be read"):
            await CALL.poll(client, RequestData("x", 1), PATIENCE)
        (end,) = client.traffic().ends
        assert end.peers[0].unreadable == 1

    among(backend, scenario)


@on_each_loop
def test_callers_and_servers_are_counted_by_peer(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        server = nodes.node("front")
        clients = [nodes.node(name, "viewer") for name in ("a", "b")]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(REPEAT.handle_requests, server, repeat)
            await idle()
            for count, client in enumerate(clients, 1):
                for _ in range(count):
                    await CALL.poll(client, RequestData("x", 1), PATIENCE)
            with pytest.raises(OSError, match="unreachable"):
                await PULL.poll(clients[0], None, 0.01)
            tasks.cancel_scope.cancel()
        (end,) = server.traffic().ends
        assert {peer.instance_id: peer.messages for peer in end.peers} == {"a": 1, "b": 2}
        assert (end.messages, end.more["replies"], end.waiting) == (3, 3, 0)
        called, unreachable = clients[0].traffic().ends
        assert (called.messages, called.peers[0].instance_id) == (1, "front")
        assert (unreachable.messages, unreachable.more["unreachable"]) == (1, 1)

    among(backend, scenario)
