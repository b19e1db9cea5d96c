"""Records as two tables: how we compare, and all the numbers."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.messages.cases import ROWS, Row
from benchmarks.messages.repetition import RAW, Record

NOTHING: Final = "-"

_DETAILS: Final = {
    "p50": "p50 us",
    "p99": "p99 us",
    "rate": "received/s",
    "gigabytes": "GB/s",
    "lost": "lost",
    "disordered": "out of order",
    "cpu": "CPU %",
    "resident": "resident MB",
}
"""The numbers of the second table, and what they are called there."""

_WORST: Final = ("lost", "disordered")
"""Numbers of which the largest is told, not the median."""


class Records:
    """What all the repetitions brought."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.all = list(records)

    def value(self, case: str, contestant: str, figure: str) -> float | None:
        """Return the median, or the largest where each one counts; None if nothing was measured."""
        found = [
            record.numbers[figure]
            for record in self.all
            if (record.case, record.contestant) == (case, contestant) and figure in record.numbers
        ]
        if not found:
            return None
        return max(found) if figure in _WORST else statistics.median(found)

    def failures(self) -> list[str]:
        """Return a line for each contestant and reason, with the cases that it concerns."""
        found: dict[tuple[str, str], list[str]] = {}
        for record in self.all:
            if record.failure:
                times = f"{record.case} (repetition {record.repetition + 1})"
                found.setdefault((record.contestant, record.failure), []).append(times)
        return [
            f"not measured: {contestant}: {reason}: {'; '.join(names)}"
            for (contestant, reason), names in found.items()
        ]


def number(value: float | None) -> str:
    """Return three significant figures, and no fewer than stand before the point."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def ratio(value: float | None, base: float | None) -> str:
    return NOTHING if value is None or not base else f"{value / base:.2f}"


def compared(records: Records, peers: Sequence[str]) -> str:
    """Return the table of medians, with how many times ours is better behind each peer's."""
    heads = ["", "asyncio", "Trio", "raw", "asyncio/raw", "Trio/raw", "target", *peers]
    lines = [_row(records, row, peers) for row in ROWS if _measured(records, row)]
    return _table([heads, *lines])


def _measured(records: Records, row: Row) -> bool:
    return any(record.case == row.case for record in records.all)


def _row(records: Records, row: Row, peers: Sequence[str]) -> list[str]:
    def of(contestant: str) -> float | None:
        return records.value(row.case, contestant, row.figure)

    ours, trio, raw = of("asyncio"), of("trio"), of(RAW)
    title = f"{row.case}, {row.unit}"
    cells = [title, number(ours), number(trio), number(raw), ratio(ours, raw), ratio(trio, raw)]
    cells.append(row.target)
    for peer in peers:
        theirs = of(peer)
        times = ratio(ours, theirs) if row.more_is_better else ratio(theirs, ours)
        cells.append(number(theirs) if times == NOTHING else f"{number(theirs)} ({times} x)")
    return cells


def absolute(records: Records) -> str:
    """Return every number of every contestant."""
    names = list(dict.fromkeys((record.case, record.contestant) for record in records.all))
    names.sort(key=lambda name: [record.case for record in records.all].index(name[0]))
    lines: list[list[str]] = []
    for case, contestant in names:
        values = {figure: records.value(case, contestant, figure) for figure in _DETAILS}
        if any(value is not None for value in values.values()):
            cells = [number(value).replace(NOTHING, "") for value in values.values()]
            lines.append([case, contestant, *cells])
    kept = [i for i in range(2 + len(_DETAILS)) if i < 2 or any(line[i] for line in lines)]
    heads = ["", "", *_DETAILS.values()]
    return _table([[line[i] for i in kept] for line in [heads, *lines]])


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
