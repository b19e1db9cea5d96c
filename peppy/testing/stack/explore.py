"""Thousands of seeds: each a launch, a schedule of faults and requests, and a look at what holds.

    python -m peppy.testing.stack.explore peppy_launcher.json5 --seeds 10000

`schedules` draws what happens, `exploring` lets it happen, `invariants` says what holds afterwards.
A seed that breaks something is printed with its schedule, the trace around what is wrong, and the
command that replays it; the exit code is 1 then.
"""

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec
import trio

from peppy.testing.jumping_clock import JumpingClock
from peppy.testing.stack.exploring import Explored, explore
from peppy.testing.stack.invariants import Violation
from peppy.testing.stack.schedules import FAULTS, sentences
from peppy.testing.trace import Trace
from peppy.testing.trace_entry import Kind
from peppy.testing.trace_text import excerpt

BLOCK: Final = 20
"""Seeds that a worker takes at once."""

AHEAD: Final = 2
"""Blocks that wait for each worker."""

STUCK: Final = 120
"""Real seconds after which a seed is given up: its time does not go on."""

EVERY: Final = 10.0
"""Real seconds between two lines of progress where nobody can be shown one that changes."""

SHOWN: Final = 10
"""Violations that are shown in full; the seeds of all are named."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is explored."""

    launcher: str
    seconds: float
    faults: tuple[str, ...]
    trace: str | None = None
    """The directory that the traces of bad seeds are written into."""
    scratch: str | None = None
    """The directory for temporary files; None is the system's own."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One seed, as its worker tells of it."""

    seed: int
    virtual: float
    real: float
    steps: int
    violations: tuple[str, ...] = ()
    report: str = ""
    """All that a person wants to know of a bad seed."""


class StuckSeed(Exception):
    """A seed whose time does not go on."""


def run_seed(settings: Settings, seed: int) -> tuple[Explored, Trace | None]:
    """Go through one seed in this process; return what became of it, and its trace.

    What nodes write among the temporary files is gone afterwards.
    """
    kept: list[Trace] = []
    main = partial(
        explore,
        Path(settings.launcher),
        seed,
        settings.seconds,
        settings.faults,
        keep=kept.append,
    )
    began = time.perf_counter()
    with _own_temporary_files(settings.scratch, seed):
        explored = trio.run(main, clock=JumpingClock())
    real = time.perf_counter() - began
    return msgspec.structs.replace(explored, real=real), kept[0] if kept else None


def outcome(settings: Settings, seed: int) -> Outcome:
    """Go through one seed; whatever goes wrong is in what is returned."""
    trace: Trace | None = None
    with _given_up_after(STUCK):
        try:
            explored, trace = run_seed(settings, seed)
        except StuckSeed as stuck:
            explored = Explored(seed=seed, violations=(Violation(0.0, str(stuck)),))
    report = ""
    if explored.violations:
        report = _report(settings, explored, trace)
        if settings.trace is not None and trace is not None:
            trace.write(Path(settings.trace, f"seed-{seed}.txt"))
    return Outcome(
        seed=seed,
        virtual=explored.virtual,
        real=explored.real,
        steps=explored.steps,
        violations=tuple(each.what for each in explored.violations),
        report=report,
    )


def _report(settings: Settings, explored: Explored, trace: Trace | None) -> str:
    lines = [f"seed {explored.seed}:"]
    lines += [f"  {each.at:7.3f} s  {each.what}" for each in explored.violations]
    lines += [" what was done to it, from a second after its launch on:"]
    lines += [f"  {line}" for line in sentences(explored.schedule)]
    if trace is not None:
        # Of thousands of messages none says what an event or a line does not.
        entries = [entry for entry in trace.entries if entry.kind is not Kind.MESSAGE]
        at = explored.violations[0].at
        centre = max((i for i, entry in enumerate(entries) if entry.at <= at), default=-1)
        lines += [" the trace around it, without messages:", *excerpt(entries, centre, 25)]
    lines += [f" replay: {replay(settings, explored.seed)}"]
    return "\n".join(lines)


def replay(settings: Settings, seed: int) -> str:
    """Return the command that goes through one seed again."""
    words = ["python -m peppy.testing.stack.explore", settings.launcher]
    words += [f"--first {seed} --seeds 1 --seconds {settings.seconds:g} --workers 1"]
    if settings.faults != FAULTS:
        words += [f"--faults {','.join(settings.faults)}"]
    return " ".join(words)


@contextmanager
def _own_temporary_files(scratch: str | None, seed: int) -> Generator[None]:
    """Have temporary files lie in a directory that is removed, under names that the seed makes."""
    module: Any = tempfile
    before = module.tempdir, module._name_sequence
    with tempfile.TemporaryDirectory(prefix=f"seed-{seed}-", dir=scratch) as directory:
        module.tempdir, module._name_sequence = directory, _names(seed)
        try:
            yield
        finally:
            module.tempdir, module._name_sequence = before


def _names(seed: int) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{seed}-{number}"


@contextmanager
def _given_up_after(seconds: int) -> Generator[None]:
    """Raise `StuckSeed` in whatever runs after so many real seconds."""

    def give_up(signum: int, frame: FrameType | None) -> None:
        raise StuckSeed(f"its time does not go on: it was given up after {seconds} real seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)  # of a test, say, that runs us


# Many of them.


class Tally:
    """What became of all seeds so far."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.done = self.steps = 0
        self.virtual = 0.0
        self.bad: list[Outcome] = []
        self._began = time.perf_counter()

    def add(self, one: Outcome) -> None:
        """Take one more in."""
        self.done += 1
        self.steps += one.steps
        self.virtual += one.virtual
        if one.violations:
            self.bad.append(one)

    @property
    def real(self) -> float:
        """Seconds since the first one began."""
        return time.perf_counter() - self._began

    def __str__(self) -> str:
        real = max(self.real, 1e-9)
        return (
            f"{self.done} of {self.wanted} seeds, {self.done / real:.1f}/s; {self.virtual:.0f} s of"
            f" robot time in {real:.0f} s ({self.virtual / real:.0f} times as fast);"
            f" {self.steps} steps; {len(self.bad)} bad"
        )

    def as_json(self) -> str:
        """Return it as one JSON object."""
        return json.dumps(
            {
                "wanted": self.wanted,
                "done": self.done,
                "steps": self.steps,
                "virtual_seconds": round(self.virtual, 3),
                "real_seconds": round(self.real, 3),
                "bad": [msgspec.to_builtins(each) for each in self.bad],
            },
            indent=2,
        )


def outcomes(settings: Settings, seeds: Sequence[int], workers: int) -> Iterator[Outcome]:
    """Yield what became of each seed, as it comes: from this process, or from several others."""
    if workers <= 1:
        with _interrupted_between_seeds() as interrupted:
            for seed in seeds:
                yield outcome(settings, seed)
                if interrupted:
                    raise KeyboardInterrupt
        return
    blocks = iter([seeds[i : i + BLOCK] for i in range(0, len(seeds), BLOCK)])
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _leave_interrupts_to_the_parent)
    running: dict[Future[list[Outcome]], None] = {}
    try:
        while True:
            while len(running) < workers * AHEAD and (block := next(blocks, None)) is not None:
                running[pool.submit(_outcomes_of, settings, tuple(block))] = None
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
                yield from future.result()
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()  # or it would go on to the end of its block
        pool.shutdown(wait=False, cancel_futures=True)


def _outcomes_of(settings: Settings, seeds: Sequence[int]) -> list[Outcome]:
    return [outcome(settings, seed) for seed in seeds]


@contextmanager
def _interrupted_between_seeds() -> Generator[list[int]]:
    """Give a list that is no longer empty after Ctrl+C: the code of a node could swallow that."""
    interrupted: list[int] = []

    def note(signum: int, frame: FrameType | None) -> None:
        interrupted.append(signum)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


# The command.


def main(arguments: Sequence[str] | None = None) -> int:
    """Explore as the command line says; return the exit code."""
    given = _parser().parse_args(arguments)
    faults = tuple(given.faults.split(",")) if given.faults else ()
    if unknown := [fault for fault in faults if fault not in FAULTS]:
        sys.stderr.write(f"error: no fault is called '{unknown[0]}': {', '.join(FAULTS)}\n")
        return 2
    if not Path(given.launcher).is_file():
        sys.stderr.write(f"error: there is no launch file '{given.launcher}'\n")
        return 2
    settings = Settings(
        launcher=given.launcher,
        seconds=given.seconds,
        faults=tuple(fault for fault in FAULTS if fault in faults),
        trace=given.trace,
    )
    if given.trace is not None:
        Path(given.trace).mkdir(parents=True, exist_ok=True)
    tally = Tally(given.seeds)
    progress = _Progress(tally)
    code = 0
    # Of ours, since a worker that is ended in the middle of a seed removes nothing.
    with tempfile.TemporaryDirectory(prefix="peppy-explore-", ignore_cleanup_errors=True) as own:
        settings = msgspec.structs.replace(settings, scratch=own)
        seeds = range(given.first, given.first + given.seeds)
        try:
            for one in outcomes(settings, seeds, given.workers):
                tally.add(one)
                if one.violations and len(tally.bad) <= SHOWN:
                    progress.say(one.report)
                progress.show()
        except KeyboardInterrupt:
            code = 130
    progress.end()
    if len(tally.bad) > SHOWN:
        sys.stderr.write("all bad seeds: " + ", ".join(str(each.seed) for each in tally.bad) + "\n")
    sys.stdout.write(f"{tally.as_json() if given.json else tally}\n")
    return 1 if tally.bad else code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m peppy.testing.stack.explore",
        description="Launch a stack again and again, each time with other faults, and look at it.",
    )
    parser.add_argument("launcher", help="the launch file")
    parser.add_argument("--seeds", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (0)")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of robot time in which faults come (20)"
    )
    parser.add_argument(
        "--faults", default=",".join(FAULTS), help="which, with commas between; empty for none"
    )
    parser.add_argument("--trace", help="a directory for the traces of bad seeds")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


class _Progress:
    """How far it has come: a line that changes on a terminal, else one now and then."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._terminal = sys.stderr.isatty()
        self._shown = 0.0

    def show(self) -> None:
        now = time.perf_counter()
        if now - self._shown < (0.2 if self._terminal else EVERY):
            return
        self._shown = now
        self._write(f"\r\x1b[K{self._tally}" if self._terminal else f"{self._tally}\n")

    def say(self, text: str) -> None:
        self._write(("\r\x1b[K" if self._terminal else "") + f"{text}\n\n")

    def end(self) -> None:
        if self._terminal:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
