"""Goals of an action, sent and followed by this command."""

import asyncio
import dataclasses
from typing import Any, Final

import msgspec

from peppy.cli.drawing.message import message
from peppy.cli.terminal import Terminal
from peppy.cli.wire.calling import (
    FAILURES,
    Answer,
    CallFailed,
    codec_of,
    message_of,
    runner_on,
)
from peppy.cli.wire.session import on_the_wire, own_address
from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.actions import ConsumedAction
from peppy.runtime.plain import PlainCodec
from peppy.runtime.qos import QoSProfile
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.port import Transport
from peppy.schema.wire import ActionView, Format, WireView
from peppy.schema.wording import counted

CANCEL: Final = 5.0
"""Seconds that a server has to cancel a goal whose sender leaves."""

LAST_FEEDBACK: Final = 1.0
"""Seconds for feedback that is still on its way when the result is there."""


class Goal(msgspec.Struct, frozen=True):
    """What is to be done, by whom, and how long that may take."""

    action: ActionView
    values: dict[str, Any]
    instance_id: str | None
    timeout: float
    """Seconds for the goal to be decided on, and again for its result."""
    feedback: bool
    """Whether feedback is shown."""


@dataclasses.dataclass
class CancelData:
    """What a server says to a cancel."""

    accepted: bool
    error_message: str | None


def send_goal(wire: WireView, goal: Goal, terminal: Terminal) -> None:
    """Send a goal, show what the server says to it, its feedback and its result.

    Ctrl+C cancels the goal first. Raises `DocumentError` for values that do not fit, before
    anything is sent, and `CallFailed`.
    """
    sending = _Sending(wire, goal, terminal)
    on_the_wire(wire, sending.run)


class _Sending:
    def __init__(self, wire: WireView, goal: Goal, terminal: Terminal) -> None:
        view, subject = goal.action, f"action '{goal.action.name}'"
        self._goal = goal
        self._terminal = terminal
        self._address = own_address(wire, None)
        request = codec_of(f"{subject}, goal request", view.goal_request)
        self._response = codec_of(f"{subject}, goal response", view.goal_response)
        self._feedback = codec_of(f"{subject}, feedback", view.feedback)
        self._result = codec_of(f"{subject}, result", view.result_response)
        self._request = message_of(request, goal.values, subject)
        self._action = ConsumedAction(
            view.node.name,
            view.name,
            goal_request=_declared(request, view.goal_request),
            goal_response=_declared(self._response, view.goal_response),
            feedback=_declared(self._feedback, view.feedback),
            result=_declared(self._result, view.result_response),
            cancel_data=CancelData,
            cancelled=Answer,
            finished=Answer,
        )

    async def run(self, transport: Transport) -> None:
        runner = runner_on(transport, self._address)
        try:
            await self._send(runner)
        except FAILURES as error:
            raise CallFailed(error) from None
        finally:
            runner.close()

    async def _send(self, runner: NodeRunner) -> None:
        wanted, terminal = self._goal, self._terminal
        goal = await self._action.fire(
            runner,
            self._request,
            wanted.timeout,
            QoSProfile(wanted.action.feedback_qos),
            target_instance_id=wanted.instance_id,
            on_queued=lambda ahead: terminal.step(f"Waiting behind {counted(ahead, 'other goal')}"),
        )
        told = asyncio.ensure_future(self._tell(goal))
        try:
            self._item("goal", self._response, goal.data, goal.server.instance_id)
            answer: Answer = await goal.get_result(wanted.timeout)
        except (asyncio.CancelledError, TimeoutError):
            terminal.step("Cancelling the goal...")
            if (trouble := await self._cancel(goal)) is not None:
                terminal.warn(trouble)
            raise
        except ConnectionError:
            # Mostly the goal has ended; but its server may only be too busy to give a result.
            await self._cancel(goal)
            raise
        else:
            await asyncio.wait([told], timeout=LAST_FEEDBACK)
        finally:
            told.cancel()
        self._item("result", self._result, answer.data, answer.instance_id)

    async def _tell(self, goal: FiredGoal) -> None:
        """Show the feedback of a goal until it ends."""
        while self._goal.feedback:
            try:
                data = await goal.next_feedback()
            except ActionFeedbackEnded:
                return
            self._item("feedback", self._feedback, data, goal.server.instance_id)

    async def _cancel(self, goal: FiredGoal) -> str | None:
        """Cancel the goal and say so, or return why that cannot be."""
        try:
            answer: Answer = await goal.cancel_goal(CANCEL)
        except FAILURES as error:
            return f"the goal may go on: {error}"
        data: CancelData = answer.data
        if data.accepted:
            self._terminal.step("Cancelled the goal")
            return None
        return f"the goal was not cancelled: {data.error_message or 'its server does not say why'}"

    def _item(self, kind: str, codec: PlainCodec | None, data: Any, instance_id: str) -> None:
        values = None if codec is None or data is None else codec.plain(data)
        text = f"--- # {kind}, {instance_id}" + ("" if not values else f"\n{message(values)}")
        self._terminal.item({"kind": kind, "instance_id": instance_id, "message": values}, text)


def _declared(codec: PlainCodec | None, literal: Format | None) -> tuple[Format, type[Any]] | None:
    return None if codec is None or literal is None else (literal, codec.message)
