"""Which pairs are measured, and what a run is compared with."""

from msgspec.structs import replace

from peppy.actors.rules.benchmark import compared, pairs
from peppy.schema.benchmark import (
    BenchmarkView,
    EdgeBenchmark,
    Latency,
    TopicBenchmark,
    latency,
)
from peppy.schema.control import Edge, InstanceState, InstanceView
from peppy.schema.names import InstanceId, Name, parse_node_id

CAMERA = parse_node_id("camera:v1")
VIEWER = parse_node_id("viewer:v1")


def instance(name: str, node: str) -> InstanceView:
    return InstanceView(
        instance_id=InstanceId(name),
        node=parse_node_id(node),
        state=InstanceState.RUNNING,
        pid=1,
        log="/x",
        started_at=0.0,
    )


def figures(p50: float, p90: float) -> Latency:
    return Latency(samples=10, p50=p50, p90=p90)


def edge(consumer: str = "one", producer: str = "front", p50: float = 100.0) -> EdgeBenchmark:
    return EdgeBenchmark(
        consumer_node=VIEWER,
        consumer=InstanceId(consumer),
        producer_node=CAMERA,
        producer=InstanceId(producer),
        probe=figures(p50, 2 * p50),
    )


def topic(consumer: str = "one", name: str = "frames", p50: float = 100.0) -> TopicBenchmark:
    return TopicBenchmark(
        topic=Name(name),
        consumer_node=VIEWER,
        consumer=InstanceId(consumer),
        delivery=figures(p50, 2 * p50),
    )


def test_each_consumer_is_paired_with_each_producer_that_runs() -> None:
    edges = (Edge(VIEWER, CAMERA), Edge(CAMERA, parse_node_id("clock:v1")))
    running = [instance(name, "camera:v1") for name in ("front", "rear")]
    running += [instance(name, "viewer:v1") for name in ("one", "two")]
    found = [(p.consumer.instance_id, p.producer.instance_id) for p in pairs(edges, running)]
    assert found == [("one", "front"), ("one", "rear"), ("two", "front"), ("two", "rear")]


def test_an_edge_without_a_running_end_is_no_pair() -> None:
    assert pairs((Edge(VIEWER, CAMERA),), [instance("one", "viewer:v1")]) == ()


def test_changes_are_percent_of_the_run_before() -> None:
    before = BenchmarkView(edges=(edge(p50=200.0),), topics=(topic(p50=50.0),))
    view = compared(BenchmarkView(edges=(edge(),), topics=(topic(),)), before)
    assert view.edges[0].probe is not None
    assert (view.edges[0].probe.p50_change, view.edges[0].probe.p90_change) == (-50.0, -50.0)
    assert view.topics[0].delivery.p50_change == 100.0


def test_the_same_instances_are_compared_before_others_of_their_nodes() -> None:
    before = BenchmarkView(edges=(edge("one", p50=200.0), edge("two", p50=50.0)))
    view = compared(BenchmarkView(edges=(edge("two"), edge("three"))), before)
    changes = [each.probe.p50_change for each in view.edges if each.probe is not None]
    assert changes == [100.0, -50.0]


def test_what_was_not_measured_before_has_no_change() -> None:
    before = BenchmarkView(edges=(replace(edge(), probe=None),), topics=(topic(name="other"),))
    now = BenchmarkView(edges=(edge(),), topics=(topic(),))
    assert compared(now, before) == now
    assert compared(now, BenchmarkView(edges=(edge(p50=0.0),))) == now


def test_a_latency_is_the_median_and_what_nine_of_ten_take() -> None:
    spans = [number * 1000 for number in range(10, 0, -1)]
    assert latency(spans) == Latency(samples=10, p50=5.0, p90=9.0)
    assert latency([1500]) == Latency(samples=1, p50=1.5, p90=1.5)
    assert latency([]) is None
