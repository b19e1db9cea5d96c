"""The modules of `emitted_topics` and `consumed_topics`. Source: behaviour.md 8.3."""

from typing import Final

from msgspec import structs

from peppy.codegen.dataclasses_text import Attribute, field_names, message_dataclasses
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
from peppy.codegen.views import VIEWS, takes_buffers, views_of
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
    return await _TOPIC.inlet(node_runner, target_core_node, target_instance_id).next()


def subscribe(
    node_runner: NodeRunner,
    target_core_node: str | None = None,
    target_instance_id: str | None = None,
) -> Messages[Message]:
    """Return a subscription for `async with`, then `async for instance_id, message in ...`."""
    return _TOPIC.subscribe(node_runner, target_core_node, target_instance_id)
'''

_RECEIVE_VIEWS: Final = '''

async def on_next_view_received(
    node_runner: NodeRunner,
    target_core_node: str | None = None,
    target_instance_id: str | None = None,
) -> tuple[str, MessageView]:
    """Like `on_next_message_received`, with arrays of numbers as views of what arrived."""
    return await _VIEWS.inlet(node_runner, target_core_node, target_instance_id).next()


def subscribe_views(
    node_runner: NodeRunner,
    target_core_node: str | None = None,
    target_instance_id: str | None = None,
) -> Messages[MessageView]:
    """Like `subscribe`, with arrays of numbers as views of what arrived."""
    return _VIEWS.subscribe(node_runner, target_core_node, target_instance_id)
'''

_PUBLISHER: Final = '''

class Publisher(TopicPublisher):
    """The topic's way out: it knows whether anybody listens."""

{emit}

async def declare_publisher(node_runner: NodeRunner) -> Publisher:
    """Return the way out, once the consumers that are there now are known."""
    return Publisher(await _TOPIC.outlet(node_runner))
'''


def emitted_module(name: str, qos: QosProfile, message: MessageFormat) -> str:
    """Return the module through which a node publishes the topic `name`."""
    builtins = Builtins(field_names(message))
    taken = {"Buffer", "EmittedTopic", "NodeRunner", "Publisher", "TopicPublisher"}
    classes = message_dataclasses(message, f"One message of `{name}`.", builtins, taken)
    accepted = tuple(
        structs.replace(each, type=f"{each.type} | Buffer") if takes_buffers(field) else each
        for each, field in zip(classes.attributes, message.fields, strict=True)
    )
    return _module(
        f"The topic `{name}`, which this node emits with the QoS profile `{qos.value}`.",
        (
            *(["Buffer"] if any(map(takes_buffers, message.fields)) else []),
            "EmittedTopic",
            "NodeRunner",
            "TopicPublisher",
        ),
        builtins,
        classes.text,
        _declared("EmittedTopic", (), name, qos, message),
        _emit(accepted) + _PUBLISHER.format(emit=_emit_declared(accepted)),
    )


def linked_module(
    node: NodeId, label: str, name: str, qos: QosProfile, message: MessageFormat
) -> str:
    """Return the module through which a node takes the topic `name` from its dependency `node`.

    By that `label` an instance of it may be bound.
    """
    what = f"The topic `{name}` of `{node}`, emitted with the QoS profile `{qos.value}`."
    first = (literal(node.name, "node="), literal(label, "link="))
    return _consumed(what, first, name, qos, message)


def external_module(topic: ExternalTopic) -> str:
    """Return the module through which a node takes `topic` from whoever emits it."""
    what = f"The topic `{topic.name}`, which this node consumes from any node that emits it."
    # The document gives no profile here: delivery is the emitter's affair.
    return _consumed(what, ("node=None",), topic.name, QosProfile.STANDARD, topic.format)


def _consumed(
    what: str,
    first: tuple[str | Brackets, ...],
    name: str,
    qos: QosProfile,
    message: MessageFormat,
) -> str:
    builtins = Builtins(field_names(message))
    imported = ["ConsumedTopic", "Messages", "NodeRunner"]
    taken = {*imported, *VIEWS, "MessageView"}
    classes = message_dataclasses(message, f"One message of `{name}`.", builtins, taken)
    texts = [classes.text]
    declared = _declared("ConsumedTopic", first, name, qos, message)
    functions = _RECEIVE
    viewed = views_of(message, classes)
    if viewed is not None:
        imported += sorted(viewed.imported)
        texts.append(viewed.text)
        declared += "_VIEWS = _TOPIC.viewed_as(MessageView)\n"
        functions += _RECEIVE_VIEWS
    return _module(what, tuple(imported), builtins, "\n\n".join(texts), declared, functions)


def _module(
    what: str,
    imported: tuple[str, ...],
    builtins: Builtins,
    classes: str,
    declared: str,
    functions: str,
) -> str:
    return module(
        lines(docstring(what), "", *builtins.imports(), "from dataclasses import dataclass", "")
        + lines(f"from peppylib.bindings import {', '.join(sorted(imported))}")
        + f"\n\n{classes}\n\n{declared}\n{functions}"
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


_RAISES: Final = " Raises `ValueError` naming the field that does not fit."


def _parameters(attributes: tuple[Attribute, ...], first: str) -> tuple[list[str], tuple[str, ...]]:
    """Return names for the fields, and the parameters; a field called like `first` gives way."""
    taken = {first}
    names = [unique(each.name, taken) for each in attributes]
    return names, tuple(
        f"{name}: {each.type}{each.default}" for name, each in zip(names, attributes, strict=True)
    )


def _emit(attributes: tuple[Attribute, ...]) -> str:
    names, parameters = _parameters(attributes, "node_runner")
    signature = Brackets("async def emit(", ("node_runner: NodeRunner", *parameters), ") -> None")
    outlet = "(node_runner.outlets.get(_TOPIC) or await _TOPIC.outlet(node_runner))"
    call = Brackets(f"await {outlet}.send(", tuple(names), ")")
    raises = _RAISES if names else ""
    return (
        "\n"
        + lines(f"{laid_out(signature, after=':')}:")
        + lines(docstring(f"Publish one message.{raises}"), laid_out(call, 1), depth=1)
    )


def _emit_declared(attributes: tuple[Attribute, ...]) -> str:
    names, parameters = _parameters(attributes, "self")
    signature = Brackets("async def emit(", ("self", *parameters), ") -> None")
    call = Brackets("await self._outlet.send(", tuple(names), ")")
    raises = _RAISES if names else ""
    return lines(f"{laid_out(signature, 1, after=':')}:", depth=1) + lines(
        docstring(f"Publish one message.{raises}"), laid_out(call, 2), depth=2
    )
