"""How often, how much and how late the messages of a topic come; pure."""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

WINDOW: Final = 1000
"""Messages over which figures are taken unless somebody says otherwise."""


class Heard(msgspec.Struct, frozen=True):
    """What arrived in one piece."""

    at: float
    """Seconds, by a clock that only goes on."""
    messages: int
    size: int
    """Bytes of all of them."""
    delay: float
    """Seconds from sending to arriving, by the two clocks."""


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Some values of one kind, summed up."""

    mean: float
    least: float
    most: float
    deviation: float


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """How often messages came."""

    hertz: float
    interval: Spread
    """Seconds between them."""
    messages: int
    """In the window."""


class Bandwidth(msgspec.Struct, frozen=True, kw_only=True):
    """How much came."""

    bytes_per_second: float
    size: Spread
    """Bytes of a message."""
    messages: int
    """In the window."""


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """How late messages came."""

    seconds: Spread
    p50: float
    p90: float
    messages: int
    """In the window."""


class Window:
    """The most recent messages of a topic."""

    def __init__(self, size: int = WINDOW) -> None:
        self._size = size
        self._heard: deque[Heard] = deque()
        self._held = 0
        self.total = 0
        """Messages since the beginning."""

    def add(self, heard: Heard) -> None:
        """Take what arrived; the oldest gives way."""
        self._heard.append(heard)
        self._held += heard.messages
        self.total += heard.messages
        while self._held - self._heard[0].messages >= self._size:
            self._held -= self._heard.popleft().messages

    def rate(self) -> Rate | None:
        """Return how often they came; None before there are two."""
        found = self._over_time()
        if found is None:
            return None
        after, seconds = found
        gaps = [b.at - a.at for a, b in zip(self._heard, list(self._heard)[1:], strict=False)]
        return Rate(
            hertz=sum(each.messages for each in after) / seconds,
            interval=spread(gaps),
            messages=self._held,
        )

    def bandwidth(self) -> Bandwidth | None:
        """Return how much came; None before there are two."""
        found = self._over_time()
        if found is None:
            return None
        after, seconds = found
        return Bandwidth(
            bytes_per_second=sum(each.size for each in after) / seconds,
            size=spread([each.size / each.messages for each in self._heard]),
            messages=self._held,
        )

    def delay(self) -> Delay | None:
        """Return how late they came; None before the first."""
        if not self._heard:
            return None
        delays = sorted(each.delay for each in self._heard)
        return Delay(
            seconds=spread(delays),
            p50=quantile(delays, 0.5),
            p90=quantile(delays, 0.9),
            messages=self._held,
        )

    def _over_time(self) -> tuple[Sequence[Heard], float] | None:
        """Return what came after the first, and in how many seconds."""
        if len(self._heard) < 2:
            return None
        seconds = self._heard[-1].at - self._heard[0].at
        return (list(self._heard)[1:], seconds) if seconds > 0 else None


def spread(values: Iterable[float]) -> Spread:
    """Return the sum of some values; there is at least one."""
    many = list(values)
    mean = math.fsum(many) / len(many)
    variance = math.fsum((value - mean) ** 2 for value in many) / len(many)
    return Spread(mean=mean, least=min(many), most=max(many), deviation=math.sqrt(variance))


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return the value below which `part` of the ordered values lie, one of them itself."""
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]
