"""In what the interfaces of two nodes differ, item by item, in sentences for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from peppy.schema import format_difference
from peppy.schema.format_difference import HERE_AND_THERE, Sides
from peppy.schema.formats import MessageFormat
from peppy.schema.node import (
    ActionService,
    EmittedTopic,
    ExposedAction,
    ExposedService,
    ExternalTopic,
    FeedbackTopic,
    Interfaces,
    QosProfile,
)
from peppy.schema.wording import quoted

MOST_SHOWN: Final = 8
"""Differences that a sentence for people spells out; the rest is counted."""


class _Part(msgspec.Struct, frozen=True):
    """One thing that an item carries: `it` is how it is said, as in `the request of service 'x'`.

    `format` counts unless there is nothing to carry (a half of an action that the node lacks).
    """

    it: str
    present: bool = True
    qos: QosProfile | None = None
    format: MessageFormat | None = None


class _Item(msgspec.Struct, frozen=True):
    """An entry of one of the lists."""

    it: str
    verb: str
    parts: Mapping[str, _Part] = {}


def differences(
    expected: Interfaces, actual: Interfaces, sides: Sides = HERE_AND_THERE
) -> list[str]:
    """Return a sentence for each difference: `topic 'frames' is emitted here and missing there`.

    `expected` are the interfaces here, `actual` those there; `sides` says these two words. Empty
    exactly if both have one fingerprint (`peppy.schema.fingerprint`): order does not matter.
    """
    return list(_differences(expected, actual, sides))


def in_short(found: Sequence[str], most: int = MOST_SHOWN) -> str:
    """Return differences as the lines of one message: each indented, the rest counted."""
    more = [f"and {len(found) - most} more"] if len(found) > most else []
    return "".join(f"\n  {line}" for line in (*found[:most], *more))


def _differences(expected: Interfaces, actual: Interfaces, sides: Sides) -> Iterator[str]:
    ours, theirs = _items(expected), _items(actual)
    for key, item in ours.items():
        other = theirs.get(key)
        if other is None:
            yield f"{item.it} is {item.verb} {sides.here} and missing {sides.there}"
            continue
        for name, part in item.parts.items():
            yield from _parts(part, other.parts[name], sides)
    for key, item in theirs.items():
        if key not in ours:
            yield f"{item.it} is missing {sides.here} and {item.verb} {sides.there}"


def _parts(ours: _Part, theirs: _Part, sides: Sides) -> Iterator[str]:
    if ours.present is not theirs.present:
        one, other = ("present", "missing") if ours.present else ("missing", "present")
        yield f"{ours.it} is {one} {sides.here} and {other} {sides.there}"
        return
    if ours.qos is not None and theirs.qos is not None and ours.qos is not theirs.qos:
        one, other = quoted(ours.qos.value), quoted(theirs.qos.value)
        yield f"{ours.it} has the QoS profile {one} {sides.here} and {other} {sides.there}"
    match ours.format, theirs.format:
        case MessageFormat(), MessageFormat():
            for each in format_difference.differences(ours.format, theirs.format, sides):
                yield f"{ours.it}: {each}"
        case None, None:
            pass
        case here, _:
            one, other = ("no", "one") if here is None else ("a", "none")
            yield f"{ours.it} has {one} message format {sides.here} and {other} {sides.there}"


def _items(interfaces: Interfaces) -> dict[tuple[str, ...], _Item]:
    """Return every entry by what it is known as in its list: each is there once."""
    return {
        **{("emits", t.name): _emitted(t) for t in interfaces.emits},
        **dict(_consumed(interfaces)),
        **{("service", s.name): _service(s) for s in interfaces.exposed_services},
        **{("action", a.name): _action(a) for a in interfaces.exposed_actions},
    }


def _consumed(interfaces: Interfaces) -> Iterator[tuple[tuple[str, ...], _Item]]:
    for topic in interfaces.consumes:
        if isinstance(topic, ExternalTopic):
            it = f"topic {quoted(topic.name)} of any node"
            part = _Part(it, format=topic.format)
            yield ("external", topic.name), _Item(it, "consumed", {"": part})
        else:
            it = f"topic {quoted(topic.name)} of {quoted(topic.local_id)}"
            yield ("consumes", topic.local_id, topic.name), _Item(it, "consumed")
    for service in interfaces.consumed_services:
        it = f"service {quoted(service.name)} of {quoted(service.local_id)}"
        yield ("calls", service.local_id, service.name), _Item(it, "consumed")
    for action in interfaces.consumed_actions:
        it = f"action {quoted(action.name)} of {quoted(action.local_id)}"
        yield ("fires", action.local_id, action.name), _Item(it, "consumed")


def _emitted(topic: EmittedTopic) -> _Item:
    it = f"topic {quoted(topic.name)}"
    return _Item(it, "emitted", {"": _Part(it, qos=topic.qos, format=topic.format)})


def _service(service: ExposedService) -> _Item:
    it = f"service {quoted(service.name)}"
    parts = {
        "request": _Part(f"the request of {it}", format=service.request),
        "response": _Part(f"the response of {it}", format=service.response),
    }
    return _Item(it, "exposed", parts)


def _action(action: ExposedAction) -> _Item:
    it = f"action {quoted(action.name)}"
    parts = {
        **_half("goal", it, action.goal),
        "feedback": _feedback(f"the feedback of {it}", action.feedback),
        **_half("result", it, action.result),
    }
    return _Item(it, "exposed", parts)


def _half(name: str, it: str, half: ActionService | None) -> dict[str, _Part]:
    """Return a half as itself, and as the messages that go both ways in it."""
    itself = f"the {name} of {it}"
    if half is None:
        return {name: _Part(itself, present=False)} | {
            f"{name} {way}": _Part("") for way in ("request", "response")
        }
    return {
        name: _Part(itself, qos=half.qos),
        f"{name} request": _Part(f"the {name}'s request of {it}", format=half.request),
        f"{name} response": _Part(f"the {name}'s response of {it}", format=half.response),
    }


def _feedback(it: str, feedback: FeedbackTopic | None) -> _Part:
    if feedback is None:
        return _Part(it, present=False)
    return _Part(it, qos=feedback.qos, format=feedback.format)
