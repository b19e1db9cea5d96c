"""Counters, warnings and delays as people see them."""

from msgspec.structs import replace

from peppy.cli.drawing.benchmark import NOTHING_RUNS, benchmark
from peppy.cli.drawing.node_info import node_info
from peppy.schema.benchmark import BenchmarkView, EdgeBenchmark, Latency, TopicBenchmark
from peppy.schema.names import InstanceId, Name
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic, TrafficView
from tests.cli.sample_views import HELLO, NODE_INFO, RECEIVER, instance, row

TRAFFIC = TrafficView(
    ends=(
        EndTraffic(kind=EndKind.PUBLISHER, name="message_stream", messages=12, bytes=480),
        EndTraffic(
            kind=EndKind.SUBSCRIBER,
            name="joints",
            messages=30,
            bytes=900,
            dropped=2,
            foreign=4,
            peers=(
                PeerTraffic(instance_id="arm", messages=30, bytes=900, lost=3),
                PeerTraffic(instance_id="leg", unreadable=1, mismatched=7),
                PeerTraffic(instance_id="fine", messages=1),
            ),
        ),
        EndTraffic(kind=EndKind.SERVICE, name="enable", more={"refused": 0, "gave_up": 2}),
    )
)

TABLE = """\
Traffic
--------------------------------------------------
front:
┌────────────┬────────────────┬──────────┬───────┬─────────┬──────┬────────────┬────────────┐
│ KIND       │ NAME           │ MESSAGES │ BYTES │ DROPPED │ LOST │ UNREADABLE │ MISMATCHED │
├────────────┼────────────────┼──────────┼───────┼─────────┼──────┼────────────┼────────────┤
│ publisher  │ message_stream │ 12       │ 480   │ 0       │ 0    │ 0          │ 0          │
│ subscriber │ joints         │ 30       │ 900   │ 2       │ 3    │ 1          │ 7          │
│ service    │ enable         │ 0        │ 0     │ 0       │ 0    │ 0          │ 0          │
└────────────┴────────────────┴──────────┴───────┴─────────┴──────┴────────────┴────────────┘
- subscriber joints, from 'arm': 3 lost
- subscriber joints, from 'leg': 1 unreadable, 7 mismatched
- subscriber joints: 4 foreign
- service enable: gave up 2
rear:
no interface has been used yet

"""

BENCHMARK = BenchmarkView(
    edges=(
        EdgeBenchmark(
            consumer_node=RECEIVER,
            consumer=InstanceId("one"),
            producer_node=HELLO,
            producer=InstanceId("front"),
            probe=Latency(samples=200, p50=312.44, p90=401.0, p50_change=3.14, p90_change=-12.0),
        ),
        EdgeBenchmark(
            consumer_node=RECEIVER,
            consumer=InstanceId("two"),
            producer_node=HELLO,
            producer=InstanceId("front"),
            failure="no answer within 2000 ms, to the first question",
        ),
    ),
    topics=(
        TopicBenchmark(
            topic=Name("message_stream"),
            consumer_node=RECEIVER,
            consumer=InstanceId("one"),
            delivery=Latency(samples=15, p50=150.0, p90=180.5),
        ),
    ),
)

BENCHMARK_TABLE = """\
Probe latency
┌──────────────────────────┬─────────────────────────┬─────────┬───────────────────┬────────────────────┐
│ CONSUMER                 │ PRODUCER                │ SAMPLES │ P50               │ P90                │
├──────────────────────────┼─────────────────────────┼─────────┼───────────────────┼────────────────────┤
│ hello_receiver:0.1.0 one │ hello_world:0.1.0 front │ 200     │ 312.4 us (+3.1 %) │ 401.0 us (-12.0 %) │
│ hello_receiver:0.1.0 two │ hello_world:0.1.0 front │ 0       │ -                 │ -                  │
└──────────────────────────┴─────────────────────────┴─────────┴───────────────────┴────────────────────┘
Live delivery
┌────────────────┬──────────────────────────┬─────────┬──────────┬──────────┐
│ TOPIC          │ CONSUMER                 │ SAMPLES │ P50      │ P90      │
├────────────────┼──────────────────────────┼─────────┼──────────┼──────────┤
│ message_stream │ hello_receiver:0.1.0 one │ 15      │ 150.0 us │ 180.5 us │
└────────────────┴──────────────────────────┴─────────┴──────────┴──────────┘
hello_receiver:0.1.0 'two' -> hello_world:0.1.0 'front': no answer within 2000 ms, to the first question"""  # noqa: E501


def test_node_info_shows_counters_and_names_who_sends_what_is_amiss() -> None:
    instances = (
        replace(instance("front"), traffic=TRAFFIC),
        replace(instance("rear"), traffic=TrafficView()),
        instance("silent"),
    )
    assert TABLE in node_info(replace(NODE_INFO, row=row(*instances)))


def test_node_info_shows_warnings_without_what_paints_on_a_terminal() -> None:
    warned = replace(instance("front"), warnings=("first", "\x1b[31msecond\x1b[0m"))
    text = node_info(replace(NODE_INFO, row=row(warned, instance("rear"))))
    assert f"Warnings\n{'-' * 50}\n- front: first\n- front: second\n\n" in text
    assert "rear: " not in text.partition("Warnings")[2].partition("Logs")[0]


def test_node_info_leaves_out_what_there_is_nothing_to_say_of() -> None:
    text = node_info(NODE_INFO)
    assert "Traffic" not in text
    assert "Warnings" not in text


def test_a_benchmark_is_two_tables_and_what_could_not_be_measured() -> None:
    assert benchmark(BENCHMARK) == BENCHMARK_TABLE


def test_a_benchmark_without_edges_says_so_and_still_shows_topics() -> None:
    assert benchmark(BenchmarkView()) == NOTHING_RUNS
    lines = benchmark(BenchmarkView(topics=BENCHMARK.topics)).splitlines()
    assert lines[:2] == [NOTHING_RUNS, "Live delivery"]


def test_a_benchmark_says_that_no_messages_flow() -> None:
    text = benchmark(replace(BENCHMARK, topics=()))
    assert "Live delivery\n(no messages flow)\n" in text
