"""What went through the interfaces of instances, and what they say of themselves."""

from collections.abc import Iterator, Sequence
from typing import Final

from peppy.cli.drawing.table import box_table
from peppy.cli.style import printable
from peppy.schema.control import InstanceView
from peppy.schema.traffic import EndTraffic, TrafficView

_HEADER: Final = (
    "KIND", "NAME", "MESSAGES", "BYTES", "DROPPED", "LOST", "UNREADABLE", "MISMATCHED"
)  # fmt: skip


def traffic(instances: Sequence[InstanceView]) -> list[str]:
    """Return a table for each instance that has told its counters, and what was amiss."""
    lines: list[str] = []
    for instance in instances:
        if instance.traffic is not None:
            lines += [f"{instance.instance_id}:", *_table(instance.traffic)]
    return lines


def warnings(instances: Sequence[InstanceView]) -> list[str]:
    """Return what the instances have said that a person should see."""
    return [
        f"- {instance.instance_id}: {printable(warning)}"
        for instance in instances
        for warning in instance.warnings
    ]


def _table(view: TrafficView) -> Iterator[str]:
    if not view.ends:
        yield "no interface has been used yet"
        return
    yield box_table(_HEADER, [_row(end) for end in view.ends])
    for end in view.ends:
        yield from _amiss(end)


def _row(end: EndTraffic) -> tuple[str, ...]:
    numbers = (
        end.messages,
        end.bytes,
        end.dropped,
        sum(peer.lost for peer in end.peers),
        sum(peer.unreadable for peer in end.peers),
        sum(peer.mismatched for peer in end.peers),
    )
    return (end.kind.value, end.name, *map(str, numbers))


def _amiss(end: EndTraffic) -> Iterator[str]:
    """Yield from whom what came that is not as it should be, and what only this kind counts."""
    for peer in end.peers:
        found = (
            ("lost", peer.lost),
            ("unreadable", peer.unreadable),
            ("mismatched", peer.mismatched),
        )
        told = ", ".join(f"{number} {what}" for what, number in found if number)
        if told:
            yield f"- {end.kind.value} {end.name}, from '{peer.instance_id}': {told}"
    if end.foreign:
        yield f"- {end.kind.value} {end.name}: {end.foreign} foreign"
    more = ", ".join(
        f"{what.replace('_', ' ')} {number}" for what, number in end.more.items() if number
    )
    if more:
        yield f"- {end.kind.value} {end.name}: {more}"
