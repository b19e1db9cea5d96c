"""What the benchmark measures, and how its figures compare with those of the run before; pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from peppy.schema.benchmark import BenchmarkView, EdgeBenchmark, Latency, TopicBenchmark
from peppy.schema.control import Edge, InstanceView
from peppy.schema.names import NodeId

T = TypeVar("T", EdgeBenchmark, TopicBenchmark)


class Pair(msgspec.Struct, frozen=True):
    """A running instance, and a running one of a node that it depends on."""

    consumer: InstanceView
    producer: InstanceView


def pairs(edges: Iterable[Edge], running: Sequence[InstanceView]) -> tuple[Pair, ...]:
    """Return all of them, in the order of the dependencies."""
    of: dict[NodeId, list[InstanceView]] = {}
    for instance in running:
        of.setdefault(instance.node, []).append(instance)
    return tuple(
        Pair(consumer, producer)
        for edge in edges
        for consumer in of.get(edge.dependent, ())
        for producer in of.get(edge.dependency, ())
    )


def compared(view: BenchmarkView, before: BenchmarkView) -> BenchmarkView:
    """Return `view` with the changes since `before`.

    Instances often have made-up names that are new in each run: where the same ones are not found,
    others of the same nodes stand for them.
    """
    edges = _index(before.edges)
    topics = _index(before.topics)
    return BenchmarkView(
        edges=tuple(replace(each, probe=_edge(each, edges)) for each in view.edges),
        topics=tuple(replace(each, delivery=_topic(each, topics)) for each in view.topics),
    )


def _edge(edge: EdgeBenchmark, before: Mapping[object, EdgeBenchmark]) -> Latency | None:
    past = _past(edge, before)
    if edge.probe is None or past is None or past.probe is None:
        return edge.probe
    return _changed(edge.probe, past.probe)


def _topic(topic: TopicBenchmark, before: Mapping[object, TopicBenchmark]) -> Latency:
    past = _past(topic, before)
    return topic.delivery if past is None else _changed(topic.delivery, past.delivery)


def _past(each: T, before: Mapping[object, T]) -> T | None:
    exact, alike = _names(each)
    return before.get(exact) or before.get(alike)


def _index(measured: Sequence[T]) -> dict[object, T]:
    """Return what was measured by its instances and by its nodes; of several the first counts."""
    found: dict[object, T] = {}
    for each in measured:
        for name in _names(each):
            found.setdefault(name, each)
    return found


def _names(each: EdgeBenchmark | TopicBenchmark) -> tuple[object, object]:
    if isinstance(each, EdgeBenchmark):
        alike: tuple[object, ...] = (each.consumer_node, each.producer_node)
        return (*alike, each.consumer, each.producer), alike
    alike = (each.consumer_node, each.topic)
    return (*alike, each.consumer), alike


def _changed(now: Latency, past: Latency) -> Latency:
    return replace(
        now, p50_change=_percent(now.p50, past.p50), p90_change=_percent(now.p90, past.p90)
    )


def _percent(now: float, past: float) -> float | None:
    # Clocks of two machines may differ by more than a message takes: then nothing can be said.
    return None if past <= 0 or now <= 0 else round((now / past - 1) * 100, 1)
