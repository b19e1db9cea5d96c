"""`peppy stack benchmark` against a daemon that answers as it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from peppy.cli.drawing.benchmark import NOTHING_RUNS, benchmark
from peppy.cli.run import run
from peppy.schema.benchmark import BenchmarkView
from peppy.schema.control import BenchmarkStack
from peppy.schema.frames import Note
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.test_drawing_seen import BENCHMARK

Start = Callable[..., FakeDaemon]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a daemon that answers with these, in a home of its own."""
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    daemons: list[FakeDaemon] = []

    def begin(*items: object) -> FakeDaemon:
        daemon = FakeDaemon(tmp_path, lambda _: items).__enter__()
        daemons.append(daemon)
        return daemon

    yield begin
    for daemon in daemons:
        daemon.__exit__(None, None, None)


def test_the_figures_are_drawn_and_progress_goes_to_stderr(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = start(Note(stream="step", text="Probing a -> b..."), BENCHMARK)
    assert run(["stack", "benchmark"]) == 0
    assert capsys.readouterr() == (benchmark(BENCHMARK) + "\n", "Probing a -> b...\n")
    assert daemon.requests == [BenchmarkStack(samples=200, warmup=20, per_sample_timeout_ms=2000)]


def test_options_reach_the_daemon(start: Start) -> None:
    daemon = start(BENCHMARK)
    words = ["--samples", "7", "--warmup", "0", "--per-sample-timeout-ms", "12.5"]
    assert run(["stack", "benchmark", *words]) == 0
    assert daemon.requests == [BenchmarkStack(samples=7, warmup=0, per_sample_timeout_ms=12.5)]


def test_without_running_edges_there_is_a_sentence_and_an_empty_list(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start(BenchmarkView())
    assert run(["stack", "benchmark"]) == 0
    assert capsys.readouterr().out == NOTHING_RUNS + "\n"
    assert run(["stack", "benchmark", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"edges": [], "topics": []}


@pytest.mark.parametrize(
    ("option", "value"),
    [("--samples", "0"), ("--warmup", "-1"), ("--per-sample-timeout-ms", "0")],
)
def test_an_option_that_makes_no_sense_is_refused_before_the_daemon_is_asked(
    start: Start, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    daemon = start(BENCHMARK)
    assert run(["stack", "benchmark", f"{option}={value}"]) != 0
    assert f"'{option}' takes a" in capsys.readouterr().err
    assert daemon.requests == []
