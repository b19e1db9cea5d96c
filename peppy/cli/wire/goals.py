"""Goals of an action, sent and followed by this command."""

import asyncio
from typing import Any, Final

import msgspec

from peppy.cli.drawing.message import message
from peppy.cli.terminal import Terminal
from peppy.cli.wire.calling import FAILURES, CallFailed, runner_on
from peppy.cli.wire.session import on_the_wire, own_address
from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.plain_ends import PlainAction, PlainGoal
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.port import Transport
from peppy.schema.wire import ActionView, WireView
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


def send_goal(wire: WireView, goal: Goal, terminal: Terminal) -> None:
    """Send a goal, show what the server says to it, its feedback and its result.

    Ctrl+C cancels the goal first. Raises `DocumentError` for values that do not fit, before
    anything is sent, and `CallFailed`.
    """
    sending = _Sending(wire, goal, terminal)
    on_the_wire(wire, sending.run)


class _Sending:
    def __init__(self, wire: WireView, goal: Goal, terminal: Terminal) -> None:
        self._goal = goal
        self._terminal = terminal
        self._address = own_address(wire, None)
        self._action = PlainAction(goal.action)
        self._request = self._action.request(goal.values)

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
            wanted.instance_id,
            on_queued=lambda ahead: terminal.step(f"Waiting behind {counted(ahead, 'other goal')}"),
        )
        told = asyncio.ensure_future(self._tell(goal))
        try:
            self._item("goal", goal.response, goal.instance_id)
            answer = await goal.result(wanted.timeout)
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
        self._item("result", answer.values, goal.instance_id)

    async def _tell(self, goal: PlainGoal) -> None:
        """Show the feedback of a goal until it ends."""
        while self._goal.feedback:
            try:
                data = await goal.next_feedback()
            except ActionFeedbackEnded:
                return
            self._item("feedback", data, goal.instance_id)

    async def _cancel(self, goal: PlainGoal) -> str | None:
        """Cancel the goal and say so, or return why that cannot be."""
        try:
            data = await goal.cancel(CANCEL)
        except FAILURES as error:
            return f"the goal may go on: {error}"
        if data.accepted:
            self._terminal.step("Cancelled the goal")
            return None
        return f"the goal was not cancelled: {data.error_message or 'its server does not say why'}"

    def _item(self, kind: str, values: dict[str, Any] | None, instance_id: str) -> None:
        text = f"--- # {kind}, {instance_id}" + ("" if not values else f"\n{message(values)}")
        self._terminal.item({"kind": kind, "instance_id": instance_id, "message": values}, text)
