"""The modules of `exposed_services` and `consumed_services`. Source: behaviour.md 8.2, 8.4."""

from typing import Final

import msgspec

from peppy.codegen.dataclasses_text import Attribute, class_text, field_names, message_dataclasses
from peppy.codegen.python_text import (
    Brackets,
    Builtins,
    docstring,
    laid_out,
    lines,
    literal,
    module,
)
from peppy.schema.format_reader import format_literal
from peppy.schema.formats import MessageFormat
from peppy.schema.names import NodeId
from peppy.schema.node import ExposedService

_OWN_NAMES: Final = frozenset(
    {
        "Awaitable", "Callable", "ConsumedService", "ExposedService", "NodeRunner", "Request",
        "RequestData", "Response", "ResponseData",
    }
)  # fmt: skip
"""What the modules call by these names themselves; the classes of objects in messages give way."""

_WHO: Final = {
    "instance_id": Attribute("instance_id", "str", "", "Who is at the other end."),
    "core_node": Attribute("core_node", "str", "", "The core node of who is at the other end."),
}

_HANDLED: Final = "Have `handler` answer one request, waiting for it."
_SERVED: Final = "Have `handler` answer requests, `limit` at a time, until cancelled."
_POLLED: Final = "Return the answer of the first that gives one, within `timeout` seconds."


class _Part(msgspec.Struct, frozen=True):
    """The request or the response: its format, and its classes as source text."""

    name: str | None
    """Of the message's class; None where nothing is in the message."""
    format: str | Brackets
    classes: tuple[str, ...] = ()


def exposed_service_module(service: ExposedService) -> str:
    """Return the module through which a node answers `service`."""
    builtins, taken = _builtins(service), set(_OWN_NAMES)
    asked = f"What a request of `{service.name}` says."
    request = _part(service.request, "RequestData", asked, builtins, taken)
    answered = f"The answer to a request of `{service.name}`."
    response = _part(service.response, "Response", answered, builtins, taken)
    who = ("instance_id", "core_node")
    classes = (
        *request.classes,
        _with_who("Request", "A request, and who makes it.", who, request.name),
        *response.classes,
    )
    declared = (
        _given("request_format=", request.format),
        f"request_data={request.name}",
        "request=Request",
        _given("response_format=", response.format),
        f"response={response.name}",
    )
    returned = "object" if response.name is None else "Response | Awaitable[Response]"
    handler = Brackets("handler: Callable[", ("[Request]", returned), "]")
    first = ("node_runner: NodeRunner", handler)
    functions = (
        _function("handle_next_request", first, "None", _HANDLED, "await {}(node_runner, handler)"),
        _function(
            "handle_requests",
            (*first, "limit: int = 1"),
            "None",
            _SERVED,
            "await {}(node_runner, handler, limit)",
        ),
    )
    awaitable = "" if response.name is None else "Awaitable, "
    return _module(
        f"The service `{service.name}`, which this node answers.",
        (*builtins.imports(), f"from collections.abc import {awaitable}Callable"),
        "ExposedService",
        (f"SERVICE_NAME = {literal(service.name)}",),
        (*classes, _declared("ExposedService", (literal(service.name, "name="), *declared))),
        functions,
    )


def consumed_service_module(node: NodeId, label: str, service: ExposedService) -> str:
    """Return the module through which a node calls `service` of its dependency `node`.

    By that `label` an instance of it may be bound.
    """
    builtins, taken = _builtins(service), set(_OWN_NAMES)
    asked = f"What a request of `{service.name}` says."
    request = _part(service.request, "Request", asked, builtins, taken)
    answered = f"What an answer of `{service.name}` says."
    response = _part(service.response, "ResponseData", answered, builtins, taken)
    classes = (*request.classes, *response.classes)
    returned = None if response.name is None else "Response"
    if returned is not None:
        who = ("core_node", "instance_id")
        classes += (_with_who(returned, "An answer, and who gives it.", who, response.name),)
    declared = (
        literal(node.name, "node="),
        literal(label, "link="),
        literal(service.name, "name="),
        _given("request_format=", request.format),
        f"request={request.name}",
        _given("response_format=", response.format),
        f"response_data={response.name}",
        f"response={returned}",
    )
    return _module(
        f"The service `{service.name}` of `{node}`.",
        tuple(builtins.imports()),
        "ConsumedService",
        (f"NODE_NAME = {literal(node.name)}", f"SERVICE_NAME = {literal(service.name)}"),
        (*classes, _declared("ConsumedService", declared)),
        (_poll(request.name is not None, returned),),
    )


def _poll(has_request: bool, returned: str | None) -> str:
    parameters = (
        "node_runner: NodeRunner",
        *(("request: Request",) if has_request else ()),
        "timeout: float",
        "target_core_node: str | None = None",
        "target_instance_id: str | None = None",
    )
    given = ("request" if has_request else "None", "timeout")
    arguments = ("node_runner", *given, "target_core_node", "target_instance_id")
    beginning = "" if returned is None else f"response: {returned} = "
    signature = Brackets("async def poll(", parameters, f") -> {returned}")
    call = Brackets(f"{beginning}await _SERVICE.poll(", arguments, ")")
    text = lines(f"{laid_out(signature, after=':')}:")
    text += lines(docstring(_POLLED), laid_out(call, 1), depth=1)
    return text if returned is None else text + lines("return response", depth=1)


def _builtins(service: ExposedService) -> Builtins:
    formats = (service.request, service.response)
    return Builtins({name for each in formats if each is not None for name in field_names(each)})


def _part(
    message: MessageFormat | None,
    name: str,
    description: str,
    builtins: Builtins,
    taken: set[str],
) -> _Part:
    if message is None:
        return _Part(None, "None")
    classes = message_dataclasses(message, description, builtins, taken, name)
    return _Part(name, literal(format_literal(message)), (classes.text,))


def _with_who(name: str, description: str, who: tuple[str, str], data: str | None) -> str:
    held = () if data is None else (Attribute("data", data, "", "What it says."),)
    return class_text(name, description, (*(_WHO[each] for each in who), *held), "")


def _given(before: str, piece: str | Brackets) -> str | Brackets:
    if isinstance(piece, str):
        return before + piece
    return Brackets(before + piece.opening, piece.items, piece.closing)


def _declared(kind: str, arguments: tuple[str | Brackets, ...]) -> str:
    return lines(laid_out(Brackets(f"_SERVICE = {kind}(", arguments, ")")))


def _function(
    name: str, parameters: tuple[str | Brackets, ...], returned: str, what: str, body: str
) -> str:
    signature = Brackets(f"async def {name}(", parameters, f") -> {returned}")
    text = lines(f"{laid_out(signature, after=':')}:")
    return text + lines(docstring(what), body.format(f"_SERVICE.{name}"), depth=1)


def _module(
    what: str,
    imports: tuple[str, ...],
    kind: str,
    names: tuple[str, ...],
    declared: tuple[str, ...],
    functions: tuple[str, ...],
) -> str:
    dataclass = "from dataclasses import dataclass"
    needed = (dataclass,) if any("@dataclass" in each for each in declared) else ()
    ours = f"from peppylib.bindings import {kind}, NodeRunner"
    return module(
        lines(docstring(what), "", *imports, *needed, *([""] if imports or needed else []), ours)
        + lines("", *names, "", "")
        + "\n\n".join((*declared, *functions))
    )
