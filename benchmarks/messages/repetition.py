"""One repetition: every case, with all pairs, in turn."""

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.messages import cases
from benchmarks.messages.agent import Failed, Signalled
from benchmarks.messages.cases import CASES, Case, Effort, Numbers
from benchmarks.messages.machine import cpu_seconds, resident_megabytes
from benchmarks.messages.ours import LOOPS, Loop, Nodes, open_daemon, open_nodes
from benchmarks.messages.pair import Pair, open_raw

RAW: Final = "raw"

RESTING: Final = 1.0
"""Seconds after its start in which a node may still have things to do."""

Opener = Callable[[Path], AbstractContextManager[Pair]]


@dataclass(frozen=True, kw_only=True)
class Record:
    """What one contestant did in one case of one repetition; empty numbers for a failure."""

    repetition: int
    case: str
    contestant: str
    numbers: Numbers = field(default_factory=dict[str, float])
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What every repetition does, and where."""

    bindings: Path
    effort: Effort
    chosen: Collection[str]
    peers: Mapping[str, Opener]


def repeat(plan: Plan, number: int, directory: Path) -> Generator[Record, None, None]:
    """Yield what comes out of each case as it is known."""
    wanted = [case for case in CASES if case.name in plan.chosen]

    def ours(loop: Loop) -> Opener:
        return lambda place: open_nodes(plan.bindings, place, loop)

    together: dict[str, Opener] = {**{loop: ours(loop) for loop in LOOPS}, RAW: open_raw}
    yield from _with_pairs(together, wanted, plan.effort, number, directory)
    for name, opener in plan.peers.items():
        # One after the other: their daemons are never quite at rest.
        theirs = [case for case in wanted if name in case.peers]
        yield from _with_pairs({name: opener}, theirs, plan.effort, number, directory)
    if number < plan.effort.rests and {cases.IDLE, cases.MINIMAL} & set(plan.chosen):
        yield from _alone(plan, number, directory / "alone")


def _with_pairs(
    openers: Mapping[str, Opener],
    wanted: Iterable[Case],
    effort: Effort,
    number: int,
    directory: Path,
) -> Generator[Record, None, None]:
    wanted = list(wanted)
    if not wanted:
        return
    with contextlib.ExitStack() as stack:
        pairs: dict[str, Pair | Failed] = {}
        for name, opener in openers.items():
            place = directory / name
            place.mkdir(parents=True)
            try:
                pairs[name] = stack.enter_context(opener(place))
            except Failed as failed:
                pairs[name] = failed
        for case in wanted:
            for name, pair in pairs.items():
                print(f"repetition {number + 1}: {case.name}, {name}", file=sys.stderr, flush=True)
                yield _measured(case, name, pair, effort, number)


def _measured(case: Case, name: str, pair: Pair | Failed, effort: Effort, number: int) -> Record:
    try:
        if isinstance(pair, Failed):
            raise pair
        numbers = case.measure(pair, effort)
    except Failed as failed:
        return Record(repetition=number, case=case.name, contestant=name, failure=str(failed))
    return Record(repetition=number, case=case.name, contestant=name, numbers=numbers)


def _alone(plan: Plan, number: int, directory: Path) -> Generator[Record, None, None]:
    """Measure nodes that nobody talks to; all at once, since none of them does anything."""
    try:
        with open_daemon(plan.bindings, directory) as nodes, contextlib.ExitStack() as stack:
            yield from _resting(nodes, stack, plan.effort, number)
    except Failed as failed:
        for case in (cases.IDLE, cases.MINIMAL):
            for loop in LOOPS:
                yield Record(repetition=number, case=case, contestant=loop, failure=str(failed))


def _resting(
    nodes: Nodes, stack: contextlib.ExitStack, effort: Effort, number: int
) -> Generator[Record, None, None]:
    started = {
        (program, loop): stack.enter_context(nodes.start(program, "idle", loop, Signalled))
        for program in ("idle", "minimal")
        for loop in LOOPS
    }
    for node in started.values():
        node.wait_ready()
    print(f"repetition {number + 1}: nodes at rest", file=sys.stderr, flush=True)
    time.sleep(RESTING)
    begun = time.perf_counter()
    before = {loop: cpu_seconds(started["idle", loop].pid) for loop in LOOPS}
    time.sleep(effort.idle_seconds)
    passed = time.perf_counter() - begun
    for loop in LOOPS:
        cpu = 100 * (cpu_seconds(started["idle", loop].pid) - before[loop]) / passed
        resident = resident_megabytes(started["minimal", loop].pid)
        yield Record(repetition=number, case=cases.IDLE, contestant=loop, numbers={"cpu": cpu})
        yield Record(
            repetition=number,
            case=cases.MINIMAL,
            contestant=loop,
            numbers={"resident": resident},
        )
