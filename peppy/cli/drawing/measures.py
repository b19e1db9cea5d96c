"""How often, how much and how late messages come, one line each time."""

import math
from typing import Final

from peppy.cli.wire.measures import Bandwidth, Delay, Rate

_PREFIXES: Final = ("k", "M", "G", "T")


def rate(view: Rate) -> str:
    """Return one line of `topic hz`."""
    gaps = view.interval
    return (
        f"{view.hertz:.2f} Hz, every {seconds(gaps.mean)}"
        f" (min {seconds(gaps.least)}, max {seconds(gaps.most)}, std dev {seconds(gaps.deviation)})"
        f" over {view.messages} messages"
    )


def bandwidth(view: Bandwidth) -> str:
    """Return one line of `topic bw`."""
    size = view.size
    return (
        f"{octets(view.bytes_per_second)}/s, a message {octets(size.mean)}"
        f" (min {octets(size.least)}, max {octets(size.most)})"
        f" over {view.messages} messages"
    )


def delay(view: Delay) -> str:
    """Return one line of `topic delay`."""
    late = view.seconds
    return (
        f"{seconds(late.mean)} (p50 {seconds(view.p50)}, p90 {seconds(view.p90)},"
        f" min {seconds(late.least)}, max {seconds(late.most)}) over {view.messages} messages"
    )


def seconds(span: float) -> str:
    """Return a time span with the unit that fits it, as in `12.3 ms`; negative ones too."""
    size = abs(span)
    if size >= 1:
        return f"{span:.3f} s"
    if size >= 1e-3:
        return f"{span * 1e3:.2f} ms"
    return f"{span * 1e6:.0f} us"


def octets(count: float) -> str:
    """Return a number of bytes with the prefix that fits it, in steps of a thousand."""
    if count < 1000:
        return f"{count:.0f} B"
    size = min(int(math.log10(count)) // 3, len(_PREFIXES))
    return f"{count / 1000**size:.2f} {_PREFIXES[size - 1]}B"
