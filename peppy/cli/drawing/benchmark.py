"""How long messages take in the stack (behaviour.md 10.1, `stack benchmark`)."""

from peppy.cli.drawing.table import box_table
from peppy.schema.benchmark import BenchmarkView, EdgeBenchmark, Latency, TopicBenchmark

NOTHING_RUNS = "No running instance depends on another one that runs: there is no edge to measure"


def benchmark(view: BenchmarkView) -> str:
    """Return a table of the edges and one of the topics; microseconds, and the change in percent.

    What could not be measured, and why, comes after them.
    """
    lines = ["Probe latency", box_table(_EDGES, [_edge(edge) for edge in view.edges])]
    if not view.edges:
        lines = [NOTHING_RUNS]
    if view.topics:
        lines += ["Live delivery", box_table(_TOPICS, [_topic(topic) for topic in view.topics])]
    elif view.edges:
        lines += ["Live delivery", "(no messages flow)"]
    lines += [f"{_names(edge)}: {edge.failure}" for edge in view.edges if edge.failure is not None]
    return "\n".join(lines)


_FIGURES = ("SAMPLES", "P50", "P90")
_EDGES = ("CONSUMER", "PRODUCER", *_FIGURES)
_TOPICS = ("TOPIC", "CONSUMER", *_FIGURES)


def _edge(edge: EdgeBenchmark) -> tuple[str, ...]:
    return (
        f"{edge.consumer_node} {edge.consumer}",
        f"{edge.producer_node} {edge.producer}",
        *_figures(edge.probe),
    )


def _topic(topic: TopicBenchmark) -> tuple[str, ...]:
    return (topic.topic, f"{topic.consumer_node} {topic.consumer}", *_figures(topic.delivery))


def _figures(latency: Latency | None) -> tuple[str, str, str]:
    if latency is None:
        return "0", "-", "-"
    return (
        str(latency.samples),
        _figure(latency.p50, latency.p50_change),
        _figure(latency.p90, latency.p90_change),
    )


def _figure(microseconds: float, change: float | None) -> str:
    """Return `312.4 us (+3.1 %)`."""
    changed = "" if change is None else f" ({change:+.1f} %)"
    return f"{microseconds:.1f} us{changed}"


def _names(edge: EdgeBenchmark) -> str:
    return f"{edge.consumer_node} '{edge.consumer}' -> {edge.producer_node} '{edge.producer}'"
