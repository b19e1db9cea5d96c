"""One action of a stack, as a test uses it."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

import trio

from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.plain_ends import CancelData, PlainAction, PlainGoal
from peppy.schema.wire import ActionView
from peppy.schema.wording import quoted
from peppy.testing.stack.contact import Contact
from peppy.testing.stack.topics import WITHIN, NothingCame

TIMEOUT: Final = 10.0
"""Seconds for an answer, unless the test says how long."""


class Action:
    """What `LaunchedStack.action` gives; `name` is looked up when something is asked of it."""

    def __init__(self, contact: Contact, name: str) -> None:
        self._contact = contact
        self._name = name
        self._made: tuple[ActionView, PlainAction] | None = None

    async def view(self) -> ActionView:
        """Return what the documents say of it, and who serves it now."""
        await self._contact.wire()
        return await self._contact.action(self._name)

    async def send(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        timeout: float = TIMEOUT,
        instance: str | None = None,
    ) -> "SentGoal":
        """Send a goal; return it once a server has decided on it, within `timeout` seconds.

        Raises what node code gets: `ActionUnreachable` (a `ConnectionError`), `ActionTimeout` (a
        `TimeoutError`) or `ActionError` (a `RuntimeError`); `DocumentError` for values that do not
        fit; `NotFound` or `Ambiguous`; `UnknownInstance`.
        """
        if instance is not None:
            self._contact.world.names.check_instance(instance)
        action = self._action_of(await self._contact.action(self._name))
        request = action.request(values or {})
        goal = await action.fire(self._contact.runner, request, timeout, instance)
        return SentGoal(self._name, goal)

    def _action_of(self, view: ActionView) -> PlainAction:
        """Return what sends its goals, compiled at the first one."""
        if self._made is None or self._made[0] is not view:
            self._made = view, PlainAction(view)
        return self._made[1]

    def __repr__(self) -> str:
        return f"<Action {quoted(self._name)} of a stack>"


class SentGoal:
    """A goal of the test, on which a server has decided."""

    def __init__(self, action: str, goal: PlainGoal) -> None:
        self._action = action
        self._goal = goal
        self.server = goal.instance_id
        """The id of the instance that has it."""
        self.response = goal.response
        """What it says to the goal; None where there is no format for that."""

    @property
    def accepted(self) -> bool:
        """Whether the server has taken it; so has one whose response has no such field."""
        return self.response is None or bool(self.response.get("accepted", True))

    async def next_feedback(self, within: float = WITHIN) -> dict[str, Any]:
        """Return the next feedback, waiting for it up to `within` seconds.

        Raises `NothingCame`, or `ActionFeedbackEnded` once the goal has ended.
        """
        with trio.move_on_after(within):
            return await self._goal.next_feedback() or {}
        raise NothingCame(
            f"no feedback of action {quoted(self._action)} came within {within:g} s"
            f" from {quoted(self.server)}"
        )

    async def feedback(self) -> AsyncGenerator[dict[str, Any], None]:
        """Iterate over the feedback until the goal ends or its server is gone."""
        while True:
            try:
                values = await self._goal.next_feedback()
            except ActionFeedbackEnded:
                return
            yield values or {}

    async def result(self, timeout: float = TIMEOUT) -> dict[str, Any]:
        """Return the server's result, by the document's names; empty if there is no format.

        Raises `ActionResultUnreachable` if there is none (refused, cancelled, the server gone),
        `ActionResultTimeout` or `ActionError`, as node code gets them.
        """
        return (await self._goal.result(timeout)).values or {}

    async def cancel(self, timeout: float = TIMEOUT) -> CancelData:
        """Ask the server to cancel the goal; return whether it does, or what it says instead.

        Raises `ActionUnreachable`, `ActionTimeout` or `ActionError`, as node code gets them.
        """
        return await self._goal.cancel(timeout)

    def __repr__(self) -> str:
        return f"<SentGoal of {quoted(self._action)} at {quoted(self.server)}>"
