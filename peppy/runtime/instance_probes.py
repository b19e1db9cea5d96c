"""What a node measures for its daemon: how far others are from it, and how late messages come.

Source: behaviour.md 10.1, `stack benchmark`. The orders are in `peppy.schema.benchmark`.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import perf_counter_ns
from typing import Any, Final, TypeVar, cast

import anyio
import msgspec

from peppy.runtime.inlet import Inlet
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.exchange import IncomingRequest
from peppy.runtime.transport.exchange_errors import Unanswered
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.benchmark import DeliveryOrder, DeliveryView, ProbeOrder, ProbeView
from peppy.schema.keys import Address
from peppy.schema.traffic import EndKind

O = TypeVar("O", ProbeOrder, DeliveryOrder)  # noqa: E741  # an order

MOST_SAMPLES: Final = 100_000
"""Of one measurement; more are a flood of their own."""

LOOK: Final = 0.01
"""Seconds between two looks whether enough messages have come: few beyond them are kept."""


def serve_probes(runner: NodeRunner) -> None:
    """Measure when asked, one order at a time, until the runner is closed.

    An order is taken back by leaving: whoever gave it waits for nothing any more.
    """
    one_at_a_time = anyio.Lock()
    _serve(runner, keys.PROBE_SERVICE, ProbeOrder, _probe, one_at_a_time)
    _serve(runner, keys.DELIVERY_SERVICE, DeliveryOrder, _watch, one_at_a_time)


def _serve(
    runner: NodeRunner,
    service: str,
    order_type: type[O],
    work: Callable[[NodeRunner, O], Awaitable[ProbeView | DeliveryView]],
    one_at_a_time: anyio.Lock,
) -> None:
    read = msgspec.msgpack.Decoder(order_type).decode

    async def carry_out(request: IncomingRequest, order: O) -> None:
        with anyio.CancelScope() as scope, suppress(TransportError):
            request.when_gone(scope.cancel)
            async with one_at_a_time:
                answer = await work(runner, order)
            request.reply(msgspec.msgpack.encode(answer))

    def arrived(request: IncomingRequest) -> None:
        try:
            order = read(request.payload)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            with suppress(TransportError):
                request.refuse("this is no order that can be read")
            return
        request.acknowledge()
        runner.in_background(lambda: carry_out(request, order))

    key = keys.instance_service(runner.address, service)
    # Announced, so that whoever asks learns at once when this instance dies.
    runner.exchange.serve(key, announce=key, arrived=arrived)


async def _probe(runner: NodeRunner, order: ProbeOrder) -> ProbeView:
    address = Address(order.core_node, order.node, order.instance_id)
    key = keys.instance_service(address, keys.HEALTH_SERVICE)
    wanted = min(order.samples, MOST_SAMPLES)
    # The very first opens the way and counts in no case.
    aside = 1 + max(0, min(order.warmup, MOST_SAMPLES))
    spans: list[int] = []
    failure = None
    try:
        for number in range(aside + wanted):
            began = perf_counter_ns()
            await runner.exchange.ask(key, b"", timeout=order.timeout)
            if number >= aside:
                spans.append(perf_counter_ns() - began)
    except Unanswered:
        when = f"after {len(spans)} of {wanted} samples" if spans else "to the first question"
        failure = f"no answer within {order.timeout * 1e3:g} ms, {when}"
    except TransportError as error:
        failure = error.sentence
    return ProbeView(nanoseconds=tuple(spans), failure=failure)


async def _watch(runner: NodeRunner, order: DeliveryOrder) -> DeliveryView:
    inlets = list(_inlets(runner))
    enough = min(order.samples, MOST_SAMPLES)
    found: dict[str, list[int]] = {inlet.topic: [] for inlet in inlets}
    for inlet in inlets:
        inlet.delays = []
    try:
        with anyio.move_on_after(order.seconds):
            while any(len(found[inlet.topic]) < enough for inlet in inlets):
                await anyio.sleep(LOOK)
                for inlet in inlets:
                    _take(inlet, found[inlet.topic], enough)
    finally:
        for inlet in inlets:
            _take(inlet, found[inlet.topic], enough)
            inlet.delays = None
    return DeliveryView(nanoseconds={name: tuple(late) for name, late in found.items() if late})


def _inlets(runner: NodeRunner) -> Iterable[Inlet[Any]]:
    subscribers = (end for end in runner.ends() if end.traffic().kind is EndKind.SUBSCRIBER)
    return [cast("Inlet[Any]", end) for end in subscribers]


def _take(inlet: Inlet[Any], into: list[int], enough: int) -> None:
    """Move what an inlet has collected; once there is enough it collects no more."""
    collected = inlet.delays
    if collected is None:
        return
    into += collected[: enough - len(into)]
    inlet.delays = [] if len(into) < enough else None
