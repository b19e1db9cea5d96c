"""What is measured, how much of it, and what is aimed at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.messages.machine import cpu_seconds
from benchmarks.messages.pair import Pair

SMALL: Final = 64
LARGE: Final = 64 * 1024
FRAME: Final = 1280 * 720 * 3

PACE: Final = 0.01
"""Seconds from one paced message to the next."""

Numbers = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured in one repetition."""

    small_trips: int
    large_trips: int
    frame_trips: int
    paced_trips: int
    calls: int
    flood_seconds: float
    idle_seconds: float
    rests: int
    """Repetitions in which nodes at rest are looked at; they hardly differ."""


FULL: Final = Effort(
    small_trips=1500,
    large_trips=600,
    frame_trips=60,
    paced_trips=500,
    calls=1500,
    flood_seconds=1.0,
    idle_seconds=5.0,
    rests=3,
)
QUICK: Final = Effort(
    small_trips=400,
    large_trips=150,
    frame_trips=25,
    paced_trips=60,
    calls=400,
    flood_seconds=0.3,
    idle_seconds=2.0,
    rests=1,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Something that is done with a pair."""

    name: str
    measure: Callable[[Pair, Effort], Numbers]
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of a case, as the report shows it."""

    case: str
    figure: str
    unit: str
    more_is_better: bool = False
    target: str = ""


def _trips(pair: Pair, size: int, count: int, gap: float = 0.0) -> Numbers:
    # The first ones fill caches, and for large messages the whole pool of shared memory.
    warm_up = min(300, count // 4 + 5)
    return pair.a.ask("round_trips", size=size, count=count, warm_up=warm_up, gap=gap)


def _paced(pair: Pair, effort: Effort) -> Numbers:
    before = cpu_seconds(pair.b.pid)
    numbers = _trips(pair, SMALL, effort.paced_trips, PACE)
    used = cpu_seconds(pair.b.pid) - before
    passed = PACE * (effort.paced_trips + min(300, effort.paced_trips // 4 + 5))
    return {**numbers, "cpu": 100 * used / passed}


def _calls(pair: Pair, effort: Effort) -> Numbers:
    return pair.b.ask("calls", size=SMALL, count=effort.calls, warm_up=effort.calls // 10)


ALL_PEERS: Final = ("peppylib", "dora", "cyclonedds")

ROUND_TRIP: Final = "64 B round trip"
PACED: Final = "64 B round trip at 100/s"
LARGE_ROUND_TRIP: Final = "64 KiB round trip"
FRAME_ROUND_TRIP: Final = "frame round trip"
FLOOD: Final = "64 B flood"
FRAMES: Final = "frames one way"
SERVICE: Final = "service round trip"
IDLE: Final = "idle node, 10 subscriptions"
MINIMAL: Final = "minimal node"

CASES: Final = (
    Case(
        name=ROUND_TRIP,
        measure=lambda pair, effort: _trips(pair, SMALL, effort.small_trips),
        peers=ALL_PEERS,
    ),
    Case(name=PACED, measure=_paced),
    Case(
        name=LARGE_ROUND_TRIP,
        measure=lambda pair, effort: _trips(pair, LARGE, effort.large_trips),
    ),
    Case(
        name=FRAME_ROUND_TRIP,
        measure=lambda pair, effort: _trips(pair, FRAME, effort.frame_trips),
        peers=("dora",),
    ),
    Case(
        name=FLOOD,
        measure=lambda pair, effort: pair.flood(SMALL, effort.flood_seconds),
        peers=ALL_PEERS,
    ),
    Case(
        name=FRAMES,
        measure=lambda pair, effort: pair.flood(FRAME, effort.flood_seconds),
        peers=("dora",),
    ),
    Case(name=SERVICE, measure=_calls),
)

ROWS: Final = (
    Row(case=ROUND_TRIP, figure="p50", unit="us", target="1.5 raw, Trio 1.6; peppylib 4 x ours"),
    Row(case=PACED, figure="p50", unit="us"),
    Row(case=LARGE_ROUND_TRIP, figure="p50", unit="us"),
    Row(case=FRAME_ROUND_TRIP, figure="p50", unit="us", target="below dora, 0.5 raw"),
    Row(
        case=FLOOD,
        figure="rate",
        unit="messages/s",
        more_is_better=True,
        target="0.4 raw; 50 x peppylib",
    ),
    Row(case=FLOOD, figure="lost", unit="messages lost", target="0"),
    Row(
        case=FRAMES,
        figure="gigabytes",
        unit="GB/s",
        more_is_better=True,
        target="at least 5 GB/s",
    ),
    Row(case=SERVICE, figure="p50", unit="us", target="1.3 raw"),
    Row(case=PACED, figure="cpu", unit="% of a core", target="under 3 %"),
    Row(case=IDLE, figure="cpu", unit="% of a core", target="none measurable"),
    Row(case=MINIMAL, figure="resident", unit="MB", target="under 55 MB"),
)
