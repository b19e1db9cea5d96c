"""What an undertaking works with: the stack, what there was in it, and whoever asked."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import trio

from peppy.actors.kernel import Ref
from peppy.actors.stack.errors import StackInUse
from peppy.actors.stack.ledger import Stage, UndertakingRecord, node_record
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.recovery import FoundNode
from peppy.actors.stack.retirement import Member
from peppy.actors.stack.site import Site
from peppy.actors.stack.undertaking_messages import Survey, Surveyed, Swap, Swapped
from peppy.schema.events import Event, EventKind
from peppy.schema.frames import Note
from peppy.schema.launch import NodeProgress
from peppy.schema.names import InstanceId, NodeId

T = TypeVar("T")


class GivenUp(Exception):
    """Nobody wants it any more, and what has been done is to be undone."""


class Hands:
    """One undertaking's tools."""

    def __init__(
        self,
        site: Site,
        stack: Ref[Any],
        former: Mapping[NodeId, Member],
        note: Callable[[Note], None],
    ) -> None:
        self.site = site
        self.stack = stack
        self.former = former
        """The nodes that were there when it began."""
        self.note = note
        self._going_on = trio.CancelScope()
        self.back = trio.CancelScope()
        """Cancelled when nothing is to be started again: the whole stack ends next."""
        self._given_up = False

    def give_up(self, *, going_down: bool) -> None:
        """Go no further, and not even back if all ends."""
        self._given_up = True
        self._going_on.cancel()
        if going_down:
            self.back.cancel()

    async def as_long_as_wanted(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns; raise `GivenUp` as soon as nobody wants it any more."""
        if not self._given_up:
            with trio.CancelScope() as self._going_on:
                return await call()
        raise GivenUp

    @property
    def going_down(self) -> bool:
        """Whether the whole stack ends next."""
        return self.back.cancel_called

    def progress(self, node: NodeId | str, state: NodeProgress, text: str = "") -> None:
        """Show how far one node has come."""
        self.note(Note(stream="node", node=str(node), state=state.value, text=text))

    def step(self, text: str) -> None:
        """Show what is done now."""
        self.note(Note(stream="step", text=text))

    async def survey(self) -> "Former":
        """Return what it takes to have the present stack again."""
        surveyed = [await member.ref.ask(Survey()) for member in self.former.values()]
        return Former(surveyed)

    async def swap(self, swap: Swap) -> Swapped:
        """Have another stack; return what was stopped for it, and the new nodes.

        However this is given up meanwhile, it is done to its end.
        """
        swapped: Swapped = await self.stack.ask(swap)
        return swapped

    def happened(self, kind: EventKind, text: str) -> Event:
        """Return an event of now, which has still to be written."""
        return self.site.ledger.happened(kind, text)


class Former:
    """A stack as it was: what to go back to."""

    def __init__(self, surveyed: list[Surveyed]) -> None:
        self.nodes: tuple[FoundNode, ...] = tuple(each.node for each in surveyed)
        self.plans: tuple[Plan, ...] = tuple(plan for each in surveyed for plan in each.plans)

    @property
    def owners(self) -> dict[InstanceId, NodeId]:
        """Whose instances there were."""
        return {plan.address.instance_id: plan.node for plan in self.plans}

    def in_use(self, verb: str) -> StackInUse:
        """Return the refusal of a change that nobody has agreed to."""
        return StackInUse([each.entry.node for each in self.nodes], list(self.owners), verb)

    def record(self, stage: Stage, at: float) -> UndertakingRecord:
        """Return what is written down of it."""
        return UndertakingRecord(
            stage=stage,
            nodes={
                str(each.entry.node): node_record(
                    each.entry, built=each.built, build_log=each.build_log
                )
                for each in self.nodes
            },
            plans=self.plans,
            at=at,
        )
