"""What is looked at when all have ended, and the table."""

import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.soaking.child import Child
from benchmarks.soaking.conductor import Conductor
from benchmarks.soaking.judging import EndView, Row
from benchmarks.soaking.ledger import Ledger
from benchmarks.soaking.wares import PROFILES
from peppy.runtime.transport import shared_memory

WORTH_COMPARING: Final = 150.0
"""Seconds of life from which memory is compared with what it was at a tenth of it."""

GROWTH: Final = 40.0
"""Megabytes by which it may have grown, and descriptors."""

DELIBERATE: Final = "Deliberate"


def check_leftovers(conductor: Conductor) -> None:
    """Complain of what stays in shared memory, of growth, and of tracebacks."""
    court = conductor.court
    shared_memory.sweep()
    ours = Path("/proc/self/maps").read_text()  # the router's, as long as this process lives
    for child in conductor.everybody:
        left = sorted(file for file in child.shared if Path(file).exists() and file not in ours)
        if left:
            court.accuse(f"{child.name} left in shared memory: {left}")
        for traceback in tracebacks(conductor.directory / f"{child.name}.stderr"):
            court.accuse(f"{child.name} printed a traceback: {traceback}")
        if growth := _growth(child):
            before, after = growth
            if after[0] - before[0] > GROWTH or after[1] - before[1] > GROWTH:
                court.accuse(f"{child.name} grew: (MB, descriptors) {before} to {after}")


def tracebacks(path: Path) -> list[str]:
    """Return the last lines of all tracebacks but those that handlers meant to raise."""
    found: list[str] = []
    inside = False
    for line in path.read_text(errors="replace").splitlines():
        text = line.split("[stderr] ")[-1]
        if "Traceback (most recent call last)" in text:
            inside = True
        elif inside and text and not text.startswith((" ", "|", "+", "~")):
            inside = False
            if DELIBERATE not in text:
                found.append(text)
    return found


def warnings(conductor: Conductor) -> Counter[str]:
    """Return how often each kind of line stands on the standard errors."""
    kinds: Counter[str] = Counter()
    for child in conductor.everybody:
        path = conductor.directory / f"{child.name}.stderr"
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith(("warning:", "error:")):
                words = [word for word in line.split(";")[0].split() if word.isalpha()]
                kinds[" ".join(words[:9])] += 1
    return kinds


def _growth(child: Child) -> tuple[tuple[float, int], tuple[float, int]] | None:
    if not child.samples or child.samples[-1][0] < WORTH_COMPARING:
        return None
    tenth = child.samples[-1][0] / 10
    early = next(sample for sample in child.samples if sample[0] >= tenth)
    return early[1:3], child.samples[-1][1:3]


def table(conductor: Conductor) -> str:
    """Return what went through and what became of the rest."""
    lines = ["", f"{'topic':<12} {'messages':>10} {'MB':>9} {'lost':>8} {'ring full':>10}"
             f" {'wire':>8} {'died with sender':>17}"]  # fmt: skip
    court = conductor.court
    for profile in PROFILES:
        ends = {key: end for key, end in court.ends.items() if key[1].startswith(f"{profile}/")}
        rows = [row for end in ends.values() for row in end.rows.values()]
        lost = sum(row.missing for row in rows)
        full = sum(_ring_full(end) for end in ends.values())
        died = sum(_died(conductor, profile, run, end) for (run, _), end in ends.items())
        lines.append(
            f"{profile:<12} {sum(row.seen for row in rows):>10}"
            f" {sum(row.bytes for row in rows) / 1e6:>9.1f} {lost:>8} {full:>10}"
            f" {lost - full:>8} {died:>17}"
        )
    lines += [
        f"lost after a stop beyond the lease, on topics that lose nothing else: {court.forgiven}",
        f"calls: {_total(court.calls.values())}",
        f"goals: {_total(court.goals.values())}",
        f"nonsense sent: {court.said['fuzzer'].get('sent', 0)}",
        f"longest stall of a loop: {court.stall.by_itself:.2f} s by itself,"
        f" {court.stall.by_another:.2f} s while another was stopped",
        f"longest wait for a word of health: {court.silence.by_itself:.2f} s,"
        f" {court.silence.by_another:.2f} s while another was stopped",
        _memory(conductor),
        *(f"  {count:>6} x {kind}" for kind, count in warnings(conductor).most_common(12)),
        f"violations: {len(court.violations)}",
    ]
    return "\n".join(lines)


def _ring_full(end: EndView) -> int:
    """Return how much of what is missing its full ring gave up; the rest of that was nonsense."""
    return min(end.dropped, sum(row.missing for row in end.rows.values()))


def _died(conductor: Conductor, profile: str, receiver: str, end: EndView) -> int:
    """Return what killed senders had sent and this end never saw, while its node lived on."""
    if receiver not in conductor.nodes or end.closed:
        return 0
    killed = (child for child in conductor.everybody if child.killed and child.name in end.rows)
    return sum(
        max(0, Ledger(conductor.directory / f"{child.name}.ledger").read()[profile] - row.expected)
        for child in killed
        if (row := end.rows.get(child.name, Row())).seen
    )


def _total(counters: Iterable[Counter[str]]) -> str:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return ", ".join(f"{count} {name}" for name, count in total.most_common()) or "none"


def _memory(conductor: Conductor) -> str:
    last = [child.samples[-1] for child in conductor.nodes.values() if child.samples]
    if not last:
        return "memory: nobody lived long enough to be looked at"
    deleted = max(sample[3] for sample in last)
    growth = [pair for child in conductor.everybody if (pair := _growth(child))]
    grown = max((after[0] - before[0] for before, after in growth), default=0.0)
    more = max((after[1] - before[1] for before, after in growth), default=0)
    return (
        f"memory: {statistics.median(s[1] for s in last):.0f} MB of its own at the median,"
        f" {max(s[2] for s in last)} descriptors at the most, {deleted} pieces of removed shared"
        f" memory still mapped at the most; grown since a tenth of life by {grown:.1f} MB and"
        f" {more} descriptors at the most"
    )
