"""The modules of `exposed_actions` and `consumed_actions`. Source: behaviour.md 8.2, 8.5, 8.6."""

from collections.abc import Iterable
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
    unique,
)
from peppy.schema.format_reader import format_literal
from peppy.schema.formats import MessageFormat
from peppy.schema.names import NodeId
from peppy.schema.node import ExposedAction

_OWN_NAMES: Final = frozenset(
    {
        "ActionHandle", "ActionServer", "AsyncIterator", "Awaitable", "Callable", "CancelRequest",
        "CancelResponse", "CancelResponseData", "ConsumedAction", "ExposedAction", "FiredGoal",
        "GoalRequest", "NodeRunner", "QoSProfile", "ResultRequest", "ResultResponse", "Self",
    }
)  # fmt: skip
"""What the modules call by these names themselves; the classes of objects in messages give way."""

_INSTANCE_ID: Final = Attribute("instance_id", "str", "", "Of the instance at the other end.")
_CORE_NODE: Final = Attribute("core_node", "str", "", "Of that instance.")

_CANCEL: Final = (
    Attribute("accepted", "bool", "", "Whether the goal is cancelled."),
    Attribute("error_message", "str | None", " = None", "What there is to say about it."),
)

_FIRE: Final = (
    "timeout: float",
    "feedback_qos: QoSProfile = QoSProfile.Standard",
    "target_core_node: str | None = None",
    "target_instance_id: str | None = None",
    "on_queued: Callable[[int], None] | None = None",
)


def exposed_action_module(action: ExposedAction) -> str:
    """Return the module through which a node carries out `action`."""
    names = ("GoalRequestData", "GoalResponse", "Feedback", "ResultResponse")
    parts = _Parts(action, names)
    has_data = parts.goal_request.declared
    classes = (
        *parts.goal_request.classes,
        _class("GoalRequest", "A goal of a client.", (_INSTANCE_ID, _CORE_NODE), has_data),
        *parts.goal_response.classes,
        *parts.feedback.classes,
        _class("CancelRequest", "A client's wish to cancel.", (_INSTANCE_ID, _CORE_NODE), None),
        class_text("CancelResponse", "The answer to a `CancelRequest`.", _CANCEL, ""),
        _class(
            "ResultRequest", "A client's wish for the result.", (_INSTANCE_ID, _CORE_NODE), None
        ),
        *parts.result.classes,
    )
    own = ("goal=GoalRequest", "cancel=CancelRequest", "cancelled=CancelResponse")
    declared = _declared("ExposedAction", (), parts, (*own, "result_request=ResultRequest"))
    methods = (
        _EXPOSE,
        _handle("goal", "GoalRequest", parts.goal_response, _GOAL_HANDLED),
        *_emit_feedback(parts.feedback),
        _handle("cancel", "CancelRequest", _Part("CancelResponse", True), _CANCEL_HANDLED),
        _handle("result", "ResultRequest", parts.result, _RESULT_HANDLED),
    )
    return module(
        lines(docstring(f"The action `{action.name}`, which this node carries out."), "")
        + lines(*parts.builtins.imports(), "from collections.abc import Awaitable, Callable")
        + lines("from dataclasses import dataclass", "from typing import Self", "")
        + lines("from peppylib.bindings import ActionServer, ExposedAction, NodeRunner", "")
        + lines(f"ACTION_NAME = {literal(action.name)}", "", "")
        + "\n\n".join((*classes, declared, _SERVER_HANDLE + "\n" + "\n".join(methods)))
    )


def consumed_action_module(node: NodeId, label: str, action: ExposedAction) -> str:
    """Return the module through which a node starts `action` of its dependency `node`.

    By that `label` an instance of it may be bound.
    """
    names = ("GoalRequest", "GoalResponseData", "FeedbackMessage", "ResultResponseData")
    parts = _Parts(action, names)
    answer, result = (_CORE_NODE, _INSTANCE_ID), parts.result.declared
    classes = (
        *parts.goal_request.classes,
        *parts.goal_response.classes,
        *parts.feedback.classes,
        class_text("CancelResponseData", "What became of a wish to cancel.", _CANCEL, ""),
        _class("CancelResponse", "The answer of the server.", answer, "CancelResponseData"),
        *parts.result.classes,
        _class("ResultResponse", "The result of a goal.", answer, result),
    )
    own = ("cancel_data=CancelResponseData", "cancelled=CancelResponse", "finished=ResultResponse")
    target = (literal(node.name, "node="), literal(label, "link="))
    declared = _declared("ConsumedAction", target, parts, own)
    stream = ("AsyncIterator, " if parts.feedback.declared else "") + "Callable"
    imported = ("ConsumedAction", "FiredGoal", "NodeRunner", "QoSProfile")
    what = f"The action `{action.name}` of `{node}`."
    return module(
        lines(docstring(what), "", *parts.builtins.imports())
        + lines(f"from collections.abc import {stream}", "from dataclasses import dataclass")
        + lines("from typing import Self", "")
        + lines(f"from peppylib.bindings import {', '.join(imported)}", "")
        + lines(f"TARGET_NODE_NAME = {literal(node.name)}")
        + lines(f"TARGET_ACTION_NAME = {literal(action.name)}", "", "")
        + "\n\n".join((*classes, declared, _goal_handle(parts), *_functions(parts)))
    )


class _Part(msgspec.Struct, frozen=True):
    """One of an action's formats, and its classes as source text."""

    name: str
    present: bool
    literal: "str | Brackets" = "None"
    classes: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()

    @property
    def declared(self) -> str | None:
        """The name of the message's class, if there is one."""
        return self.name if self.present else None


class _Parts:
    """All formats of one action."""

    def __init__(self, action: ExposedAction, names: tuple[str, ...]) -> None:
        goal, feedback, result = action.goal, action.feedback, action.result
        formats = (
            None if goal is None else goal.request,
            None if goal is None else goal.response,
            None if feedback is None else feedback.format,
            None if result is None else result.response,
        )
        taken = set(_OWN_NAMES)
        self.name = action.name
        self.builtins = Builtins(
            {name for each in formats if each is not None for name in field_names(each)}
        )
        whats = (
            f"What a goal of `{action.name}` asks for.",
            f"The answer to a goal of `{action.name}`.",
            f"The progress of a goal of `{action.name}`.",
            f"The result of `{action.name}`.",
        )
        self.goal_request, self.goal_response, self.feedback, self.result = (
            self._part(each, name, what, taken)
            for each, name, what in zip(formats, names, whats, strict=True)
        )

    def _part(
        self, message: MessageFormat | None, name: str, description: str, taken: set[str]
    ) -> _Part:
        if message is None:
            return _Part(name, present=False)
        classes = message_dataclasses(message, description, self.builtins, taken, name)
        pair = Brackets("(", (literal(format_literal(message)), name), ")")
        return _Part(name, True, pair, (classes.text,), classes.attributes)


def _class(name: str, description: str, attributes: tuple[Attribute, ...], data: str | None) -> str:
    held = () if data is None else (Attribute("data", data, "", "What it holds."),)
    return class_text(name, description, (*attributes, *held), "")


def _declared(
    kind: str, first: tuple[str | Brackets, ...], parts: _Parts, own: tuple[str, ...]
) -> str:
    arguments = (
        *first,
        literal(parts.name, "name="),
        _named("goal_request", parts.goal_request),
        _named("goal_response", parts.goal_response),
        _named("feedback", parts.feedback),
        _named("result", parts.result),
        *own,
    )
    return lines(laid_out(Brackets(f"_ACTION = {kind}(", arguments, ")")))


def _named(name: str, part: _Part) -> str | Brackets:
    match part.literal:
        case Brackets(opening, items, closing):
            return Brackets(f"{name}={opening}", items, closing)
        case text:
            return f"{name}={text}"


_SERVER_HANDLE: Final = '''\
class ActionHandle:
    """Carries out the goals of clients, one after another."""

    def __init__(self, server: ActionServer) -> None:
        self._server = server
'''

_EXPOSE: Final = '''\
    @classmethod
    async def expose(cls, node_runner: NodeRunner) -> Self:
        """Let clients reach the action; a second call returns another way to serve it."""
        return cls(await _ACTION.expose(node_runner))
'''

_GOAL_HANDLED: Final = "Wait for the next goal and have `handler` decide on it."
_CANCEL_HANDLED: Final = "Wait for the next wish to cancel and have `handler` answer it."
_RESULT_HANDLED: Final = "Wait until a goal's result is wanted and have `handler` give it."


def _handle(part: str, request: str, response: _Part, what: str) -> str:
    returned = "object"
    if response.present:
        returned = f"{response.name} | Awaitable[{response.name}]"
    handler = Brackets("handler: Callable[", (f"[{request}]", returned), "]")
    name = f"handle_{part}_next_request"
    return _method(name, (handler,), "None", what, f"await self._server.handle_{part}(handler)")


def _emit_feedback(feedback: _Part) -> Iterable[str]:
    if not feedback.present:
        return
    taken = {"self"}
    # `self` stays what it is; a field of that name gives way.
    names = tuple(unique(each.name, taken) for each in feedback.attributes)
    parameters = tuple(
        f"{name}: {each.type}{each.default}"
        for name, each in zip(names, feedback.attributes, strict=True)
    )
    message = Brackets(f"{feedback.name}(", names, ")")
    call = laid_out(Brackets("await self._server.emit_feedback(", (message,), ")"), 2)
    what = "Tell the client of the goal that is worked on how far it is."
    yield _method("emit_feedback", parameters, "None", what, call)


def _method(
    name: str,
    parameters: tuple[str | Brackets, ...],
    returns: str,
    what: str,
    *body: str,
    kind: str = "async def",
) -> str:
    signature = Brackets(f"{kind} {name}(", ("self", *parameters), f") -> {returns}")
    text = lines(f"{laid_out(signature, 1, ':')}:", depth=1)
    return text + lines(docstring(what), *body, depth=2)


def _goal_handle(parts: _Parts) -> str:
    data = parts.goal_response.declared or "None"
    request = (f"request: {parts.goal_request.name}",) if parts.goal_request.present else ()
    methods = [
        _property("data", data, "The server's answer to the goal."),
        _property("action_handle", "Self", "This handle.", "return self"),
        _fire("cls.", "fire_goal", ("cls", "node_runner: NodeRunner", *request, *_FIRE), "Self", 1),
    ]
    feedback = parts.feedback.declared
    if feedback is not None:
        next_one = "Return the next feedback, waiting for it; raise once there is no more."
        all_of_it = "Return an iterator over the feedback; it ends when the goal does."
        call = lines("return self._goal.feedback()").rstrip()
        methods += [
            _awaiting("on_next_feedback_message", (), feedback, "next_feedback()", next_one),
            _method("feedback", (), f"AsyncIterator[{feedback}]", all_of_it, call, kind="def"),
        ]
    timeout = ("timeout: float",)
    result = "Return the result, waiting for it up to `timeout` seconds."
    cancel = "Ask the server to cancel the goal; wait up to `timeout` seconds."
    methods += [
        _awaiting("get_result", timeout, "ResultResponse", "get_result(timeout)", result),
        _awaiting("cancel_goal", timeout, "CancelResponse", "cancel_goal(timeout)", cancel),
    ]
    return _GOAL_HANDLE + "\n" + "\n".join(methods)


_GOAL_HANDLE: Final = '''\
class ActionHandle:
    """A goal that was fired."""

    def __init__(self, goal: FiredGoal) -> None:
        self._goal = goal
'''


def _property(name: str, kind: str, what: str, body: str = "") -> str:
    held = (body,) if body else (f"data: {kind} = self._goal.data", "return data")
    return lines("@property", depth=1) + _method(name, (), kind, what, *held, kind="def")


def _awaiting(name: str, parameters: tuple[str, ...], kind: str, call: str, what: str) -> str:
    body = (f"answer: {kind} = await self._goal.{call}", "return answer")
    return _method(name, parameters, kind, what, *body)


def _fire(whose: str, name: str, parameters: tuple[str, ...], returns: str, depth: int) -> str:
    signature = Brackets(f"async def {name}(", parameters, f") -> {returns}")
    has_request = any(each.startswith("request:") for each in parameters)
    given = ("node_runner", "request" if has_request else "None") if whose == "cls." else ()
    passed = tuple(each.partition(":")[0] for each in parameters if each != "cls")
    rest = tuple(each for each in passed if each not in ("node_runner", "request"))
    if whose == "cls.":
        call = Brackets("await _ACTION.fire(", (*given, *rest), ")")
        returned = Brackets("return cls(", (call,), ")")
        decorator = lines("@classmethod", depth=depth)
    else:
        returned = Brackets("return await ActionHandle.fire_goal(", passed, ")")
        decorator = ""
    what = (
        "Send a goal; return once a server has accepted or rejected it, within `timeout` seconds."
    )
    return (
        decorator
        + lines(f"{laid_out(signature, depth, ':')}:", depth=depth)
        + lines(docstring(what), laid_out(returned, depth + 1), depth=depth + 1)
    )


def _functions(parts: _Parts) -> Iterable[str]:
    request = (f"request: {parts.goal_request.name}",) if parts.goal_request.present else ()
    parameters = ("node_runner: NodeRunner", *request, *_FIRE)
    yield _fire("", "fire_goal", parameters, "ActionHandle", 0)
    if parts.feedback.present:
        yield _FEEDBACK_FUNCTION.format(feedback=parts.feedback.name)
    yield _RESULT_FUNCTIONS


_FEEDBACK_FUNCTION: Final = '''\
async def on_next_feedback_message(action_handle: ActionHandle) -> {feedback}:
    """Return the next feedback, waiting for it; raise once there is no more."""
    return await action_handle.on_next_feedback_message()
'''

_RESULT_FUNCTIONS: Final = '''\
async def get_result(
    node_runner: NodeRunner,
    action_handle: ActionHandle,
    timeout: float,
) -> ResultResponse:
    """Return the result, waiting for it up to `timeout` seconds."""
    return await action_handle.get_result(timeout)


async def cancel_goal(
    node_runner: NodeRunner,
    action_handle: ActionHandle,
    timeout: float,
) -> CancelResponse:
    """Ask the server to cancel the goal; wait up to `timeout` seconds."""
    return await action_handle.cancel_goal(timeout)
'''
