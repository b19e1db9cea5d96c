"""What somebody asks of a stack while it is harmed: requests to its daemon, calls, goals."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import trio

from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.schema.errors import PeppyError
from peppy.schema.launch import CancelLaunch, Launch, RestartStack
from peppy.schema.wire import ActionView, ServiceView
from peppy.testing.stack.drawn_values import values_of
from peppy.testing.stack.embedded import EmbeddedStack
from peppy.testing.stack.invariants import Deeds
from peppy.testing.stack.schedules import PATIENT, Call, Order

SLACK: Final = 0.05
"""Seconds beyond a time-out that nobody holds against a client."""

BUG: Final = "bug"
"""The kind of error that nobody but us can put right."""


class Asking:
    """Asks, and sees that there is an answer."""

    def __init__(
        self,
        stack: EmbeddedStack,
        deeds: Deeds,
        now: Callable[[], float],
        violate: Callable[[str], None],
        ends: Sequence[ServiceView | ActionView],
        launch: Launch,
    ) -> None:
        """`ends` is what can be called, `launch` what starts the whole stack anew."""
        self._stack = stack
        self._deeds = deeds
        self._now = now
        self._violate = violate
        self._ends = ends
        self._launch = launch

    async def ask(self, step: Order | Call) -> None:
        """Wait for the step's time, ask, and take the answer."""
        await trio.sleep(step.at)
        if isinstance(step, Order):
            await self._order(step)
        elif self._ends:
            await self._call(step, self._ends[int(step.which * len(self._ends))])

    # The daemon.

    async def _order(self, step: Order) -> None:
        deed = self._deeds.begin(step.verb, step.instance, self._now())
        with trio.move_on_after(step.patience) as patience:
            try:
                await self._ordered(step)
            except PeppyError as error:
                deed.refusal = error.kind
                if error.kind == BUG:
                    self._violate(f"{step}, and is told of a bug: {error}")
            deed.ended = self._now()
        if patience.cancelled_caught and step.patience >= PATIENT:
            self._violate(f"{step}, and is not answered within {PATIENT:g} s")

    async def _ordered(self, step: Order) -> None:
        stack = self._stack
        match step.verb:
            case "stop":
                await stack.instance(step.instance or "").stop()
            case "start":
                await stack.instance(step.instance or "").start()
            case "restart":
                await stack.instance(step.instance or "").restart()
            case "launch":
                await stack.ask(self._launch)
            case "restart_stack":
                await stack.ask(RestartStack(clear_stack=True))
            case _:
                await stack.ask(CancelLaunch())

    # Nodes.

    async def _call(self, step: Call, end: ServiceView | ActionView) -> None:
        chance = Random(step.values)  # noqa: S311  # the same each time is what it is for
        if isinstance(end, ServiceView):
            service = self._stack.service(end.name, str(end.node))
            values = values_of(end.request, chance)
            await self._timed(
                f"a call of service '{end.name}'",
                step.timeout,
                lambda: service.call(values, timeout=step.timeout),
            )
        else:
            await self._goal(step, end, values_of(end.goal_request, chance))

    async def _goal(self, step: Call, end: ActionView, values: dict[str, Any]) -> None:
        action, timeout = self._stack.action(end.name, str(end.node)), step.timeout
        what = f"of action '{end.name}'"
        goal = await self._timed(
            f"a goal {what}", timeout, lambda: action.send(values, timeout=timeout)
        )
        if goal is None:
            return
        if step.cancel_after is not None:
            await trio.sleep(step.cancel_after)
            await self._timed(f"a cancel {what}", timeout, lambda: goal.cancel(timeout))
        await self._timed(f"a result {what}", timeout, lambda: goal.result(timeout))

    async def _timed(self, what: str, timeout: float, call: Callable[[], Any]) -> Any:
        """Return the answer; None where there was none, in one of the ways that are told."""
        begun = self._now()
        answer: Any = None
        try:
            with trio.fail_after(timeout + PATIENT):
                answer = await call()
        except trio.TooSlowError:
            self._violate(f"{what} with a time-out of {timeout:g} s never ends")
            return None
        except (ConnectionError, TimeoutError, RuntimeError, ActionFeedbackEnded, PeppyError):
            pass
        if (took := self._now() - begun) > timeout + SLACK:
            self._violate(f"{what} took {took:.3f} s, with a time-out of {timeout:g} s")
        return answer
