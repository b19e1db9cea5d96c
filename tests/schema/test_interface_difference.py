"""In what interfaces differ."""

from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.fingerprint import interface_fingerprint
from peppy.schema.format_difference import Sides
from peppy.schema.formats import Array, Field, Kind, MessageFormat, Object, Primitive
from peppy.schema.interface_difference import differences, in_short
from peppy.schema.names import Name
from peppy.schema.node import (
    ActionService,
    Consumed,
    EmittedTopic,
    ExposedAction,
    ExposedService,
    ExternalTopic,
    FeedbackTopic,
    Interfaces,
    LinkedTopic,
    QosProfile,
)

X = Name("x")
EMPTY = MessageFormat(())
WIDE = MessageFormat((Field("width", Primitive(Kind.U32)),))
NARROW = MessageFormat((Field("width", Primitive(Kind.U16)),))


def emits(*topics: EmittedTopic) -> Interfaces:
    return Interfaces(emits=topics)


def serves(*services: ExposedService) -> Interfaces:
    return Interfaces(exposed_services=services)


def acts(*actions: ExposedAction) -> Interfaces:
    return Interfaces(exposed_actions=actions)


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        (emits(EmittedTopic(X)), emits(), ["topic 'x' is emitted here and missing there"]),
        (emits(), emits(EmittedTopic(X)), ["topic 'x' is missing here and emitted there"]),
        (
            emits(EmittedTopic(X, format=WIDE)),
            emits(EmittedTopic(X, QosProfile.RELIABLE, NARROW)),
            [
                "topic 'x' has the QoS profile 'standard' here and 'reliable' there",
                "topic 'x': field 'width' is 'u32' here and 'u16' there",
            ],
        ),
        (
            emits(EmittedTopic(X, format=WIDE)),
            emits(EmittedTopic(X)),
            ["topic 'x' has a message format here and none there"],
        ),
        (
            Interfaces(consumes=(LinkedTopic("cam", X),)),
            Interfaces(consumes=(ExternalTopic(X, WIDE),)),
            [
                "topic 'x' of 'cam' is consumed here and missing there",
                "topic 'x' of any node is missing here and consumed there",
            ],
        ),
        (
            Interfaces(consumes=(ExternalTopic(X, WIDE),)),
            Interfaces(consumes=(ExternalTopic(X, EMPTY),)),
            ["topic 'x' of any node: field 'width' is 'u32' here and missing there"],
        ),
        (
            Interfaces(consumed_services=(Consumed("cam", X),)),
            Interfaces(consumed_actions=(Consumed("cam", X),)),
            [
                "service 'x' of 'cam' is consumed here and missing there",
                "action 'x' of 'cam' is missing here and consumed there",
            ],
        ),
        (
            serves(ExposedService(X, request=WIDE)),
            serves(ExposedService(X, request=NARROW, response=EMPTY)),
            [
                "the request of service 'x': field 'width' is 'u32' here and 'u16' there",
                "the response of service 'x' has no message format here and one there",
            ],
        ),
        (
            acts(ExposedAction(X, goal=ActionService(request=WIDE))),
            acts(ExposedAction(X, goal=ActionService(request=NARROW), feedback=FeedbackTopic())),
            [
                "the goal's request of action 'x': field 'width' is 'u32' here and 'u16' there",
                "the feedback of action 'x' is missing here and present there",
            ],
        ),
        (
            acts(ExposedAction(X, result=ActionService(WIDE, qos=QosProfile.CRITICAL))),
            acts(ExposedAction(X, result=ActionService(WIDE))),
            ["the result of action 'x' has the QoS profile 'critical' here and 'reliable' there"],
        ),
    ],
)
def test_each_difference_is_a_sentence(
    here: Interfaces, there: Interfaces, said: list[str]
) -> None:
    assert differences(here, there) == said


def test_the_two_sides_are_called_as_the_caller_says() -> None:
    sides = Sides("in the stack", "in the new document")
    assert differences(emits(EmittedTopic(X, format=WIDE)), emits(), sides) == [
        "topic 'x' is emitted in the stack and missing in the new document"
    ]
    (said,) = differences(
        emits(EmittedTopic(X, format=WIDE)), emits(EmittedTopic(X, format=NARROW)), sides
    )
    assert said.endswith("field 'width' is 'u32' in the stack and 'u16' in the new document")


def test_a_message_shows_the_first_differences_and_counts_the_rest() -> None:
    assert in_short(["a", "b"], most=2) == "\n  a\n  b"
    assert in_short(["a", "b", "c"], most=1) == "\n  a\n  and 2 more"


T = TypeVar("T")

NAMES = st.sampled_from([Name("a"), Name("b")])
TYPES = st.sampled_from(
    [
        Primitive(Kind.U8),
        Primitive(Kind.F64),
        Array(Primitive(Kind.U8), 3),
        Object((Field("c", Primitive(Kind.U8)), Field("d", Primitive(Kind.U8)))),
        Object((Field("d", Primitive(Kind.U8)), Field("c", Primitive(Kind.U8)))),
    ]
)
FORMATS = st.none() | st.lists(
    st.builds(Field, st.sampled_from(["m", "n"]), TYPES, st.booleans()),
    max_size=2,
    unique_by=lambda field: field.name,
).map(lambda fields: MessageFormat(tuple(fields)))
SOME = FORMATS.map(lambda given: given or EMPTY)
QOS = st.sampled_from([QosProfile.STANDARD, QosProfile.RELIABLE])
HALVES = st.none() | st.builds(ActionService, FORMATS, FORMATS, QOS)
LABELS = st.sampled_from(["cam", "arm"])
LINKED = st.builds(Consumed, LABELS, NAMES)


def several(items: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
    def known_as(item: object) -> object:
        return getattr(item, "local_id", None), getattr(item, "name", None)

    return st.lists(items, max_size=2, unique_by=known_as).map(tuple)


INTERFACES = st.builds(
    Interfaces,
    emits=several(st.builds(EmittedTopic, NAMES, QOS, FORMATS)),
    consumes=several(st.builds(LinkedTopic, LABELS, NAMES) | st.builds(ExternalTopic, NAMES, SOME)),
    exposed_services=several(st.builds(ExposedService, NAMES, FORMATS, FORMATS)),
    consumed_services=several(LINKED),
    exposed_actions=several(
        st.builds(
            ExposedAction,
            NAMES,
            HALVES,
            st.none() | st.builds(FeedbackTopic, FORMATS, QOS),
            HALVES,
        )
    ),
    consumed_actions=several(LINKED),
)


@settings(max_examples=50)
@given(INTERFACES, INTERFACES, st.sampled_from(Interfaces.__struct_fields__))
def test_interfaces_differ_exactly_if_their_fingerprints_do(
    here: Interfaces, other: Interfaces, section: str
) -> None:
    there = msgspec.structs.replace(here, **{section: getattr(other, section)})
    same = interface_fingerprint(here) == interface_fingerprint(there)
    assert (differences(here, there) == []) is same


@settings(max_examples=50)
@given(INTERFACES, st.data())
def test_order_makes_no_difference(interfaces: Interfaces, data: st.DataObject) -> None:
    turned = Interfaces(
        emits=tuple(data.draw(st.permutations(interfaces.emits))),
        consumes=tuple(data.draw(st.permutations(interfaces.consumes))),
        exposed_services=tuple(data.draw(st.permutations(interfaces.exposed_services))),
        consumed_services=tuple(data.draw(st.permutations(interfaces.consumed_services))),
        exposed_actions=tuple(data.draw(st.permutations(interfaces.exposed_actions))),
        consumed_actions=tuple(data.draw(st.permutations(interfaces.consumed_actions))),
    )
    assert differences(interfaces, turned) == []
