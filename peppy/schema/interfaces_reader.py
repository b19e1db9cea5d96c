"""What a node emits, exposes and consumes. Source: behaviour.md 2.4; seed 003, "Topics"."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from peppy.schema.format_reader import read_format
from peppy.schema.formats import MessageFormat
from peppy.schema.manifest_reader import read_local_id
from peppy.schema.names import Name
from peppy.schema.node import (
    ActionService,
    Consumed,
    ConsumedTopic,
    EmittedTopic,
    ExposedAction,
    ExposedService,
    ExternalTopic,
    FeedbackTopic,
    Interfaces,
    LinkedTopic,
    QosProfile,
)
from peppy.schema.reader import STAND_IN, Cursor, Fields, refuse_duplicates
from peppy.schema.wording import did_you_mean, quoted

T = TypeVar("T", EmittedTopic, ConsumedTopic, ExposedService, ExposedAction, Consumed)

_LINK = ["local_node_id", "link_id"]


def read_interfaces(cursor: Cursor, labels: Iterable[str] | None) -> Interfaces:
    """Return the interfaces that stand at `cursor`; problems go to its report.

    `labels` are those of the declared dependencies. None leaves them unchecked: a variant's
    document does not declare them.
    """
    known = None if labels is None else frozenset(labels)
    sections = cursor.fields(optional=["topics", "services", "actions"])

    def consumed(item: Cursor) -> Consumed:
        fields = item.fields(["name"], _LINK)
        return Consumed(_link(fields, item, known), _name(fields))

    def consumed_topic(item: Cursor) -> ConsumedTopic:
        return _consumed_topic(item, known)

    topics = _section(sections, "topics", "emits")
    services = _section(sections, "services", "exposes")
    actions = _section(sections, "actions", "exposes")
    return Interfaces(
        emits=_list(topics, "emits", _emitted),
        consumes=_list(topics, "consumes", consumed_topic),
        exposed_services=_list(services, "exposes", _service),
        consumed_services=_list(services, "consumes", consumed),
        exposed_actions=_list(actions, "exposes", _action),
        consumed_actions=_list(actions, "consumes", consumed),
    )


def _section(sections: Fields, key: str, gives: str) -> Fields:
    return sections.read(key, lambda section: section.fields((), [gives, "consumes"]), Fields({}))


def _list(section: Fields, key: str, how: Callable[[Cursor], T]) -> tuple[T, ...]:
    listed = section.get(key)
    if listed is None:
        return ()
    read = listed.read_all(how)
    named = zip(listed.items(), read, strict=True)
    refuse_duplicates(((item, _known_as(value)) for item, value in named), "the name")
    return read


def _known_as(
    item: EmittedTopic | ConsumedTopic | ExposedService | ExposedAction | Consumed,
) -> str:
    if item.name and isinstance(item, LinkedTopic | Consumed):
        return f"{item.local_id}/{item.name}" if item.local_id else ""
    return item.name


def _name(fields: Fields) -> Name:
    return fields.read("name", Cursor.name, STAND_IN)


def _format(fields: Fields, key: str) -> MessageFormat | None:
    return fields.read(key, read_format, None)


def _qos(fields: Fields, otherwise: QosProfile) -> QosProfile:
    return fields.read("qos_profile", lambda given: given.choice(QosProfile), otherwise)


def _link(fields: Fields, owner: Cursor, known: frozenset[str] | None) -> str:
    if not owner.is_object:
        return ""
    label = read_local_id(fields, owner, "local_node_id")
    if label and known is not None and label not in known:
        place = fields.get("local_node_id") or fields.get("link_id") or owner
        guess = did_you_mean(label, sorted(known)) or ": declare it in 'manifest.depends_on.nodes'"
        place.problem(f"{quoted(label)} labels no dependency of this node{guess}")
    return label


def _emitted(cursor: Cursor) -> EmittedTopic:
    fields = cursor.fields(["name"], ["qos_profile", "message_format"])
    qos = _qos(fields, QosProfile.STANDARD)
    return EmittedTopic(_name(fields), qos, _format(fields, "message_format"))


def _consumed_topic(cursor: Cursor, known: frozenset[str] | None) -> ConsumedTopic:
    fields = cursor.fields(["name"], [*_LINK, "message_format"])
    name = _name(fields)
    linked = any(key in fields for key in _LINK)
    if (format_ := fields.get("message_format")) is not None:
        if linked:
            format_.key_problem(
                "a linked topic takes its format from the node that emits it: "
                "leave out 'message_format', or the label to take it from any node"
            )
        return ExternalTopic(name, read_format(format_))
    if not linked and cursor.is_object:
        cursor.problem(
            "'local_node_id' is missing, or 'message_format' to take the topic from any node"
        )
        return LinkedTopic("", name)
    return LinkedTopic(_link(fields, cursor, known), name)


def _service(cursor: Cursor) -> ExposedService:
    fields = cursor.fields(["name"], ["request_message_format", "response_message_format"])
    return ExposedService(
        _name(fields),
        _format(fields, "request_message_format"),
        _format(fields, "response_message_format"),
    )


def _action(cursor: Cursor) -> ExposedAction:
    fields = cursor.fields(["name"], ["goal_service", "feedback_topic", "result_service"])
    return ExposedAction(
        _name(fields),
        fields.read("goal_service", _action_service, None),
        fields.read("feedback_topic", _feedback, None),
        fields.read("result_service", _action_service, None),
    )


def _action_service(cursor: Cursor) -> ActionService:
    fields = cursor.fields((), ["request_message_format", "response_message_format", "qos_profile"])
    return ActionService(
        _format(fields, "request_message_format"),
        _format(fields, "response_message_format"),
        _qos(fields, QosProfile.RELIABLE),
    )


def _feedback(cursor: Cursor) -> FeedbackTopic:
    fields = cursor.fields((), ["message_format", "qos_profile", "name", "type"])
    for ignored in ("name", "type"):
        fields.read(ignored, Cursor.text, "")
    qos = _qos(fields, QosProfile.STANDARD)
    return FeedbackTopic(_format(fields, "message_format"), qos)
