"""What somebody asks of a stack while it is harmed: requests to its daemon, calls, goals."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import trio

from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.schema.control import StopView
from peppy.schema.errors import PeppyError
from peppy.schema.launch import CancelLaunch, Launch, LaunchView, RestartStack, RestartView
from peppy.schema.wire import ActionView, ServiceView
from peppy.testing.stack.actions import Action
from peppy.testing.stack.contact import Contact
from peppy.testing.stack.drawn_values import values_of
from peppy.testing.stack.invariants import Deeds
from peppy.testing.stack.launched import LaunchedStack
from peppy.testing.stack.schedules import PATIENT, Call, Order, Steps
from peppy.testing.stack.services import Service
from peppy.testing.stack.world import World

SLACK: Final = 0.05
"""Seconds beyond a time-out that nobody holds against a client."""

BUG: Final = "bug"
"""The kind of error that nobody but us can put right."""


class Asking:
    """Asks, and sees that there is an answer."""

    def __init__(
        self,
        stack: LaunchedStack,
        world: World,
        deeds: Deeds,
        now: Callable[[], float],
        violate: Callable[[str], None],
        ends: Sequence[ServiceView | ActionView],
        launch: Launch,
        resident: Callable[[str], object],
    ) -> None:
        """Ask for what `ends` offer, and of the daemon for `launch` among others.

        `resident` returns who lives under an instance id now, or None.
        """
        self._stack = stack
        self._world = world
        self._deeds = deeds
        self._now = now
        self._violate = violate
        self._ends = ends
        self._contacts: dict[int, Contact] = {}
        self._launch = launch
        self._resident = resident

    async def prepare(self, schedule: Sequence[Steps]) -> None:
        """Learn what is on the wire: the daemon may be away later."""
        for step in schedule:
            if isinstance(step, Call):
                # Each client is one of its own, and gone afterwards: a server may wait for one.
                contact = self._contacts[id(step)] = Contact(self._world)
                await contact.wire()

    async def ask(self, step: Order | Call) -> None:
        """Wait for the step's time, ask, and take the answer."""
        await trio.sleep(step.at)
        if isinstance(step, Order):
            await self._order(step)
        elif self._ends:
            contact = self._contacts[id(step)]
            await self._call(step, self._ends[int(step.which * len(self._ends))], contact)
            contact.close()
            await contact.runner.transport.close()

    # The daemon.

    async def _order(self, step: Order) -> None:
        deed = self._deeds.begin(step.verb, step.instance, self._now())
        name = step.instance or ""
        before = self._resident(name)
        with trio.move_on_after(step.patience) as patience:
            try:
                answer = await self._ordered(step)
                if isinstance(answer, LaunchView | RestartView):
                    deed.started = {each.instance_id for each in answer.started}
                if isinstance(answer, StopView) and self._resident(name) is before is not None:
                    self._violate(f"{step}, and is answered while it still runs")
            except PeppyError as error:
                deed.refusal = error.kind
                if error.kind == BUG:
                    self._violate(f"{step}, and is told of a bug: {error}")
            deed.ended = self._now()
        if patience.cancelled_caught and step.patience >= PATIENT:
            self._violate(f"{step}, and is not answered within {PATIENT:g} s")

    async def _ordered(self, step: Order) -> object:
        stack = self._stack
        match step.verb:
            case "stop":
                return await stack.instance(step.instance or "").stop()
            case "start":
                return await stack.instance(step.instance or "").start()
            case "restart":
                return await stack.instance(step.instance or "").restart()
            case "launch":
                return await stack.ask(self._launch)
            case "restart_stack":
                return await stack.ask(RestartStack(clear_stack=True))
            case _:
                return await stack.ask(CancelLaunch())

    # Nodes.

    async def _call(self, step: Call, end: ServiceView | ActionView, contact: Contact) -> None:
        chance = Random(step.values)  # noqa: S311  # the same each time is what it is for
        name = f"{end.node}/{end.name}"
        if isinstance(end, ServiceView):
            service = Service(contact, name)
            values = values_of(end.request, chance)
            await self._timed(
                f"a call of service '{end.name}'",
                step.timeout,
                lambda: service.call(values, timeout=step.timeout),
            )
        else:
            await self._goal(step, Action(contact, name), values_of(end.goal_request, chance))

    async def _goal(self, step: Call, action: Action, values: dict[str, Any]) -> None:
        timeout = step.timeout
        goal = await self._timed(
            f"a goal of {action}", timeout, lambda: action.send(values, timeout=timeout)
        )
        if goal is None:
            return
        if step.cancel_after is not None:
            await trio.sleep(step.cancel_after)
            await self._timed(f"a cancel of {goal}", timeout, lambda: goal.cancel(timeout))
        await self._timed(f"a result of {goal}", timeout, lambda: goal.result(timeout))

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
