"""How long messages take in a stack that runs (`BenchmarkStack`)."""

import math
from collections.abc import Sequence

import msgspec

from peppy.schema.names import InstanceId, Name, NodeId


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Some time spans of one kind, summed up; microseconds."""

    samples: int
    p50: float
    """The median."""
    p90: float
    """Nine of ten took no longer."""
    p50_change: float | None = None
    """Percent more than in the run before, or less below zero; None if there was none."""
    p90_change: float | None = None


class EdgeBenchmark(msgspec.Struct, frozen=True, kw_only=True):
    """One running instance and one of a node that it depends on: is one answer quick?"""

    consumer_node: NodeId
    consumer: InstanceId
    producer_node: NodeId
    producer: InstanceId
    probe: Latency | None = None
    """Round trips from the consumer's process to the producer's loop and back."""
    failure: str | None = None
    """Why there is no `probe`, or why it has fewer samples than were asked for."""


class TopicBenchmark(msgspec.Struct, frozen=True, kw_only=True):
    """One topic that flows right now, at one running instance that takes it."""

    topic: Name
    consumer_node: NodeId
    consumer: InstanceId
    delivery: Latency
    """From emitting a message to handing it out, by the clocks of both ends."""


class BenchmarkView(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the benchmark."""

    edges: tuple[EdgeBenchmark, ...] = ()
    topics: tuple[TopicBenchmark, ...] = ()


class ProbeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance is told by its daemon: ask another one, so many times, one by one."""

    core_node: str
    node: Name
    instance_id: InstanceId
    samples: int
    warmup: int
    timeout: float
    """Seconds for each."""


class ProbeView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a `ProbeOrder`."""

    nanoseconds: tuple[int, ...] = ()
    """The round trips that count, in their order."""
    failure: str | None = None


class DeliveryOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance is told: watch how late the messages are that it takes anyway."""

    samples: int
    """Of each topic, about so many at the most."""
    seconds: float
    """That it has at the most."""


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a `DeliveryOrder`."""

    nanoseconds: dict[str, tuple[int, ...]] = {}
    """By topic, in the order in which they were handed out; topics without any are left out."""


def latency(nanoseconds: Sequence[int]) -> Latency | None:
    """Return what some time spans amount to; None if there are none."""
    if not nanoseconds:
        return None
    ordered = sorted(nanoseconds)
    return Latency(
        samples=len(ordered),
        p50=round(_quantile(ordered, 0.5) / 1e3, 1),
        p90=round(_quantile(ordered, 0.9) / 1e3, 1),
    )


def _quantile(ordered: Sequence[int], part: float) -> int:
    """Return the least value that is no less than `part` of all."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]
