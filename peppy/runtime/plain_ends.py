"""Services and actions of nodes without generated classes: dicts in and out, as `plain` has them.

For programs that learn from the daemon what is there: the command line, and tests of a stack.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec

from peppy.runtime.action_feedback import OnQueued
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.actions import ConsumedAction
from peppy.runtime.plain import PlainCodec
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.services import ConsumedService
from peppy.schema.errors import PeppyError
from peppy.schema.format_reader import parse_format
from peppy.schema.wire import ActionView, Format, ServiceView


class PlainAnswer(msgspec.Struct, frozen=True):
    """What a server said, and who that is; None where there is no format for it."""

    instance_id: str | None
    """None where a service has no response, so nobody says."""
    values: dict[str, Any] | None


@dataclasses.dataclass
class CancelData:
    """What a server says to a cancel."""

    accepted: bool
    error_message: str | None


class _Answer(msgspec.Struct, frozen=True):
    """A message of a server, as the runtime makes it."""

    core_node: str
    instance_id: str
    data: Any = None


class PlainService:
    """A service of the stack, as somebody outside of it calls it."""

    def __init__(self, view: ServiceView) -> None:
        self._subject = subject = f"service '{view.name}'"
        self._request = codec_of(f"{subject}, request", view.request)
        self._response = codec_of(f"{subject}, response", view.response)
        self._service = ConsumedService(
            view.node.name,
            view.name,
            view.request,
            None if self._request is None else self._request.message,
            view.response,
            None if self._response is None else self._response.message,
            _Answer,
        )

    def request(self, values: Mapping[str, Any]) -> Any:
        """Return the request with these values; raises `DocumentError` where they do not fit."""
        return message_of(self._request, values, self._subject)

    async def call(
        self, runner: NodeRunner, request: Any, timeout: float, instance_id: str | None
    ) -> PlainAnswer:
        """Send what `request` has made; raises as `ConsumedService.poll` does."""
        answer: _Answer | None = await self._service.poll(
            runner, request, timeout, target_instance_id=instance_id
        )
        if answer is None or self._response is None:
            return PlainAnswer(None, None)
        return PlainAnswer(answer.instance_id, self._response.plain(answer.data))


class PlainAction:
    """An action of the stack, as somebody outside of it uses it."""

    def __init__(self, view: ActionView) -> None:
        self._subject = subject = f"action '{view.name}'"
        self._request = codec_of(f"{subject}, goal request", view.goal_request)
        self._response = codec_of(f"{subject}, goal response", view.goal_response)
        self._feedback = codec_of(f"{subject}, feedback", view.feedback)
        self._result = codec_of(f"{subject}, result", view.result_response)
        self._qos = QoSProfile(view.feedback_qos)
        self._action = ConsumedAction(
            view.node.name,
            view.name,
            goal_request=_declared(self._request, view.goal_request),
            goal_response=_declared(self._response, view.goal_response),
            feedback=_declared(self._feedback, view.feedback),
            result=_declared(self._result, view.result_response),
            cancel_data=CancelData,
            cancelled=_Answer,
            finished=_Answer,
        )

    def request(self, values: Mapping[str, Any]) -> Any:
        """Return the goal with these values; raises `DocumentError` where they do not fit."""
        return message_of(self._request, values, self._subject)

    async def fire(
        self,
        runner: NodeRunner,
        request: Any,
        timeout: float,
        instance_id: str | None,
        on_queued: OnQueued | None = None,
    ) -> "PlainGoal":
        """Offer what `request` has made; raises as `ActionClient.fire` does."""
        goal = await self._action.fire(
            runner,
            request,
            timeout,
            self._qos,
            target_instance_id=instance_id,
            on_queued=on_queued,
        )
        return PlainGoal(goal, self._response, self._feedback, self._result)


class PlainGoal:
    """A goal that a server has decided on."""

    def __init__(
        self,
        goal: FiredGoal,
        response: PlainCodec | None,
        feedback: PlainCodec | None,
        result: PlainCodec | None,
    ) -> None:
        self.instance_id = goal.server.instance_id
        """Who has it."""
        self.response = _values(response, goal.data)
        """What the server says to it; None where there is no format for that."""
        self._goal = goal
        self._feedback = feedback
        self._result = result

    async def next_feedback(self) -> dict[str, Any] | None:
        """Return the next feedback; raises `ActionFeedbackEnded` once there is no more."""
        return _values(self._feedback, await self._goal.next_feedback())

    async def result(self, timeout: float) -> PlainAnswer:
        """Return the result within `timeout` seconds; raises as `FiredGoal.get_result` does."""
        answer: _Answer = await self._goal.get_result(timeout)
        return PlainAnswer(answer.instance_id, _values(self._result, answer.data))

    async def cancel(self, timeout: float) -> CancelData:
        """Ask for the goal to be cancelled; raises as `FiredGoal.cancel_goal` does."""
        answer: _Answer = await self._goal.cancel_goal(timeout)
        data: CancelData = answer.data
        return data


def codec_of(subject: str, literal: Format | None) -> PlainCodec | None:
    """Return the codec of a format, None where there is none."""
    return None if literal is None else PlainCodec(subject, parse_format(literal))


def message_of(codec: PlainCodec | None, values: Mapping[str, Any], subject: str) -> Any:
    """Return the message with these values, None where there is no format for one.

    Raises `DocumentError` for values that do not fit.
    """
    if codec is not None:
        codec.encode(values)
        return codec.made(values)
    if values:
        raise PeppyError(f"{subject} takes no values", hint="leave them out")
    return None


def _values(codec: PlainCodec | None, data: Any) -> dict[str, Any] | None:
    return None if codec is None or data is None else codec.plain(data)


def _declared(codec: PlainCodec | None, literal: Format | None) -> tuple[Format, type[Any]] | None:
    return None if codec is None or literal is None else (literal, codec.message)
