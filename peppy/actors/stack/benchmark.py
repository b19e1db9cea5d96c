"""Measuring the stack that runs (behaviour.md 10.1, `stack benchmark`).

The instances measure, each in its own process; what they found is put together here. Deliveries
are watched at all of them at once, since that does not disturb; edges are probed one after the
other, since two probes would disturb each other.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec
import trio

from peppy.actors.host.ports import HostError
from peppy.actors.kernel import Promise
from peppy.actors.rules.benchmark import Pair, compared, pairs
from peppy.actors.stack.counting import running
from peppy.actors.stack.site import Site
from peppy.runtime.transport.exchange_errors import Unanswered, Unreachable
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.benchmark import (
    BenchmarkView,
    DeliveryOrder,
    DeliveryView,
    EdgeBenchmark,
    ProbeOrder,
    ProbeView,
    TopicBenchmark,
    latency,
)
from peppy.schema.control import BenchmarkStack, InstanceView, StackView
from peppy.schema.frames import Note
from peppy.schema.keys import Address
from peppy.schema.names import Name

A = TypeVar("A", ProbeView, DeliveryView)

WATCH: Final = 3.0
"""Seconds in which messages that flow are watched."""

SLACK: Final = 2.0
"""Seconds beyond what an order takes at the most: for the way to and fro, and a busy loop."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The last run, as it is kept; figures of another machine compare with nothing."""

    host_name: str
    view: BenchmarkView


async def answer(
    site: Site,
    one_at_a_time: trio.Lock,
    promise: Promise[BenchmarkView],
    request: BenchmarkStack,
    stack: StackView,
) -> None:
    """Answer with what was measured, compared with the run before; tell on the way how far it is.

    It ends early, without an answer, when nobody waits for one any more.
    """

    def say(text: str, stream: str = "step") -> None:
        promise.note(Note(stream=stream, text=text))

    async with one_at_a_time:
        view = await _measure(site, promise, request, stack, say)
        if promise.abandoned:
            return
        if view.topics or any(edge.probe is not None for edge in view.edges):
            before = await _last(site)
            try:
                await _keep(site, view)
            except HostError as error:
                say(error.sentence, "warning")
            view = view if before is None else compared(view, before)
    promise.answer(view)


async def _measure(
    site: Site,
    promise: Promise[BenchmarkView],
    request: BenchmarkStack,
    stack: StackView,
    say: Callable[[str], None],
) -> BenchmarkView:
    instances = running(stack.nodes)
    topics: tuple[TopicBenchmark, ...] = ()
    if instances:
        say(f"Watching what {_count(len(instances))} for up to {WATCH:g} s...")
        topics = await _watch(site, request, instances)
    edges: list[EdgeBenchmark] = []
    for pair in pairs(stack.dependencies, instances):
        if promise.abandoned:
            break
        say(f"Probing {_named(pair.consumer)} -> {_named(pair.producer)}...")
        edges.append(await _probe(site, request, pair))
    return BenchmarkView(edges=tuple(edges), topics=topics)


async def _watch(
    site: Site, request: BenchmarkStack, instances: Sequence[InstanceView]
) -> tuple[TopicBenchmark, ...]:
    order = DeliveryOrder(samples=request.samples, seconds=WATCH)
    found: list[TopicBenchmark] = []

    async def ask(instance: InstanceView) -> None:
        try:
            heard = await _order(
                site, instance, keys.DELIVERY_SERVICE, order, DeliveryView, WATCH + SLACK
            )
        except TransportError:
            return  # its edges will say why
        for topic, spans in heard.nanoseconds.items():
            delivery = latency(spans)
            if delivery is not None:
                found.append(
                    TopicBenchmark(
                        topic=Name(topic),
                        consumer_node=instance.node,
                        consumer=instance.instance_id,
                        delivery=delivery,
                    )
                )

    async with trio.open_nursery() as nursery:
        for instance in instances:
            nursery.start_soon(ask, instance)
    return tuple(sorted(found, key=lambda each: (each.topic, each.consumer_node, each.consumer)))


async def _probe(site: Site, request: BenchmarkStack, pair: Pair) -> EdgeBenchmark:
    consumer, producer = pair.consumer, pair.producer
    each = request.per_sample_timeout_ms / 1e3
    order = ProbeOrder(
        core_node=site.core_node,
        node=producer.node.name,
        instance_id=producer.instance_id,
        samples=request.samples,
        warmup=request.warmup,
        timeout=each,
    )
    longest = (request.samples + request.warmup + 1) * each + SLACK
    name = f"'{consumer.instance_id}'"
    try:
        # A process that stands still is found out now, and not after all of that time.
        await site.exchange.ask(_key(site, consumer, keys.HEALTH_SERVICE), b"", timeout=each)
        probe = await _order(site, consumer, keys.PROBE_SERVICE, order, ProbeView, longest)
    except Unanswered:
        probe = ProbeView(failure=f"{name} itself does not answer")
    except Unreachable:
        probe = ProbeView(failure=f"{name} has gone, or was built for a daemon that did not probe")
    except TransportError as error:
        probe = ProbeView(failure=error.sentence)
    return EdgeBenchmark(
        consumer_node=consumer.node,
        consumer=consumer.instance_id,
        producer_node=producer.node,
        producer=producer.instance_id,
        probe=latency(probe.nanoseconds),
        failure=probe.failure,
    )


async def _order(
    site: Site,
    instance: InstanceView,
    service: str,
    order: ProbeOrder | DeliveryOrder,
    answer_type: type[A],
    timeout: float,
) -> A:
    """Return what an instance has measured; raises `TransportError`."""
    key = _key(site, instance, service)
    reply = await site.exchange.ask(
        key, msgspec.msgpack.encode(order), timeout=timeout, servers=f"{key}/{keys.ANY}"
    )
    try:
        return msgspec.msgpack.decode(reply.payload, type=answer_type)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise TransportError(f"what '{instance.instance_id}' answers cannot be read") from None


def _key(site: Site, instance: InstanceView, service: str) -> str:
    address = Address(site.core_node, instance.node.name, instance.instance_id)
    return keys.instance_service(address, service)


async def _last(site: Site) -> BenchmarkView | None:
    """Return the run before on this machine, if there is one that can be read."""
    try:
        record = msgspec.json.decode(await site.host.files.read(site.home.benchmark), type=Record)
    except (HostError, msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return record.view if record.host_name == site.host_name else None


async def _keep(site: Site, view: BenchmarkView) -> None:
    text = msgspec.json.format(msgspec.json.encode(Record(host_name=site.host_name, view=view)))
    await site.host.files.write(site.home.benchmark, text)


def _named(instance: InstanceView) -> str:
    return f"{instance.node} '{instance.instance_id}'"


def _count(instances: int) -> str:
    return "1 instance takes" if instances == 1 else f"{instances} instances take"
