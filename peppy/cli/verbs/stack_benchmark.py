"""`peppy stack benchmark`."""

from typing import Annotated

from cyclopts import Parameter

from peppy.cli.asking import ask
from peppy.cli.drawing.benchmark import benchmark as draw
from peppy.cli.options import Json, at_least_one, positive
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.control import PER_SAMPLE_TIMEOUT_MS, SAMPLES, WARMUP, BenchmarkStack


def stack_benchmark(
    *,
    samples: Annotated[
        int, Parameter(name="--samples", help="Round trips of each edge that count (200).")
    ] = SAMPLES,
    warmup: Annotated[
        int, Parameter(name="--warmup", help="Round trips before those that count (20).")
    ] = WARMUP,
    per_sample_timeout_ms: Annotated[
        float,
        Parameter(
            name="--per-sample-timeout-ms",
            help="Milliseconds after which a round trip has failed, and with it its edge (2000).",
        ),
    ] = PER_SAMPLE_TIMEOUT_MS,
    json: Json = False,
) -> None:
    """Measure how long messages take between running instances, and compare with the last time.

    For each instance and each that it depends on: round trips through both programs. For each
    topic that flows: the way of its messages, from emitting to handing out.

    Example: peppy stack benchmark --samples 1000
    """
    terminal = Terminal(json=json)
    if warmup < 0:
        raise Usage(f"'--warmup' takes a whole number from 0 on, not {warmup}")
    request = BenchmarkStack(
        samples=at_least_one(samples, "--samples"),
        warmup=warmup,
        per_sample_timeout_ms=positive(per_sample_timeout_ms, "--per-sample-timeout-ms"),
    )
    view = ask(request, terminal, doing="Measuring the stack")
    terminal.result(view, draw(view))
