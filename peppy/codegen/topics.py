"""The modules of `emitted_topics` and `consumed_topics`. Source: behaviour.md 8.3."""

from typing import Final

from peppy.codegen.dataclasses_text import Attribute, Dataclasses, field_names, message_dataclasses
from peppy.codegen.python_text import (
    Brackets,
    Builtins,
    docstring,
    laid_out,
    lines,
    literal,
    module,
    unique,
)
from peppy.schema.format_reader import format_literal
from peppy.schema.formats import MessageFormat
from peppy.schema.names import NodeId
from peppy.schema.node import ExternalTopic, QosProfile

_RECEIVE: Final = '''
async def on_next_message_received(
    node_runner: NodeRunner,
    target_core_node: str | None = None,
    target_instance_id: str | None = None,
) -> tuple[str, Message]:
    """Return the sender's instance id and the next message; None targets any sender."""
    return await _TOPIC.next_message(node_runner, target_core_node, target_instance_id)
'''


def emitted_module(name: str, qos: QosProfile, message: MessageFormat) -> str:
    """Return the module through which a node publishes the topic `name`."""
    builtins = Builtins(field_names(message))
    classes = _classes("EmittedTopic", name, message, builtins)
    return _module(
        f"The topic `{name}`, which this node emits with the QoS profile `{qos.value}`.",
        "EmittedTopic",
        builtins,
        classes,
        _declared("EmittedTopic", (), name, qos, message),
        _emit(classes.attributes),
    )


def linked_module(node: NodeId, name: str, qos: QosProfile, message: MessageFormat) -> str:
    """Return the module through which a node takes the topic `name` from its dependency `node`."""
    what = f"The topic `{name}` of `{node}`, emitted with the QoS profile `{qos.value}`."
    return _consumed(what, node.name, name, qos, message)


def external_module(topic: ExternalTopic) -> str:
    """Return the module through which a node takes `topic` from whoever emits it."""
    what = f"The topic `{topic.name}`, which this node consumes from any node that emits it."
    # The document gives no profile here: delivery is the emitter's affair.
    return _consumed(what, None, topic.name, QosProfile.STANDARD, topic.format)


def _consumed(
    what: str, node: str | None, name: str, qos: QosProfile, message: MessageFormat
) -> str:
    builtins = Builtins(field_names(message))
    classes = _classes("ConsumedTopic", name, message, builtins)
    declared = _declared("ConsumedTopic", (literal(node, "node="),), name, qos, message)
    return _module(what, "ConsumedTopic", builtins, classes, declared, _RECEIVE)


def _classes(
    topic_class: str, name: str, message: MessageFormat, builtins: Builtins
) -> Dataclasses:
    taken = {topic_class, "NodeRunner"}
    return message_dataclasses(message, f"One message of `{name}`.", builtins, taken)


def _module(
    what: str,
    topic_class: str,
    builtins: Builtins,
    classes: Dataclasses,
    declared: str,
    function: str,
) -> str:
    return module(
        lines(docstring(what), "", *builtins.imports(), "from dataclasses import dataclass", "")
        + lines(f"from peppylib.bindings import {topic_class}, NodeRunner")
        + f"\n\n{classes.text}\n\n{declared}\n{function}"
    )


def _declared(
    topic_class: str,
    first: tuple[str | Brackets, ...],
    name: str,
    qos: QosProfile,
    message: MessageFormat,
) -> str:
    arguments = (
        *first,
        literal(name, "name="),
        literal(qos.value, "qos="),
        literal(format_literal(message), "format="),
        "message=Message",
    )
    return lines(laid_out(Brackets(f"_TOPIC = {topic_class}(", arguments, ")")))


def _emit(attributes: tuple[Attribute, ...]) -> str:
    taken = {"node_runner"}
    # The first parameter has the name that callers know; a field of that name gives way.
    names = tuple(unique(each.name, taken) for each in attributes)
    parameters = tuple(
        f"{name}: {each.type}{each.default}" for name, each in zip(names, attributes, strict=True)
    )
    signature = Brackets("async def emit(", ("node_runner: NodeRunner", *parameters), ") -> None")
    message = Brackets("Message(", names, ")")
    call = Brackets("await _TOPIC.emit(", ("node_runner", message), ")")
    raises = "" if not names else " Raises `ValueError` naming the field that does not fit."
    return (
        "\n"
        + lines(f"{laid_out(signature, after=':')}:")
        + lines(docstring(f"Publish one message.{raises}"), laid_out(call, 1), depth=1)
    )
