"""The children of one actor: in what order they started, and which of them are made anew."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import trio

from peppy.actors.kernel.errors import NameTaken, NotHere
from peppy.actors.kernel.ref import End, Ended, Reason, Ref
from peppy.actors.kernel.supervision import Escalated, Intensity, Restart, Strategy, Supervision


class Child(Protocol):
    """A running actor, as far as its parent deals with it."""

    ref: Ref[Any]
    end: End
    halted: bool

    def halt(self, grace: float | None = None) -> None:
        """Begin its end; after `grace` seconds (its own, if None) its scope is cancelled."""
        ...


@dataclass(eq=False, slots=True)
class Place:
    """One child's place among its siblings; it outlives the actors that fill it in turn."""

    name: str
    restart: Restart
    make: Callable[[int], Child]
    """Makes and starts the actor; takes how often it was made before."""
    child: Child
    restarts: int = 0
    dismissed: bool = False
    """Its parent has stopped it: it is not made anew."""

    @property
    def leaving(self) -> bool:
        """Whether its name is free for a successor."""
        return self.dismissed or (self.restart is Restart.TEMPORARY and self.child.halted)


class Hooks(Protocol):
    """What the parent is told, in its own turn."""

    def child_restarted(self, old: Ref[Any], new: Ref[Any]) -> None:
        """Take note that `new` stands in the place of `old`."""
        ...

    def child_failed(self, ref: Ref[Any], error: Exception) -> None:
        """Take note that a child failed and is not made anew."""
        ...


class Children:
    """The children of the actor `parent`, in start order."""

    def __init__(
        self,
        parent: Ref[Any],
        supervision: Supervision,
        hooks: Hooks,
        report: Callable[[Ref[Any], Exception], None],
    ) -> None:
        self._parent = parent
        self._strategy = supervision.strategy
        self._intensity = Intensity(supervision)
        self._hooks = hooks
        self._report = report
        self._places: list[Place] = []

    def refs(self) -> tuple[Ref[Any], ...]:
        """Return those that have not ended, in start order."""
        return tuple(p.child.ref for p in self._places if p.child.end.ended is None)

    def named(self, name: str) -> Ref[Any] | None:
        """Return the child with this name, one that is leaving only if there is no other."""
        found = [p for p in self._places if p.name == name and p.child.end.ended is None]
        found.sort(key=lambda place: place.leaving)
        return found[0].child.ref if found else None

    def start(self, name: str, restart: Restart, make: Callable[[int], Child]) -> Ref[Any]:
        """Make a child and start it; raises what `make` raises, or `NameTaken`."""
        if any(place.name == name and not place.leaving for place in self._places):
            raise NameTaken(self._parent.path, name)
        child = make(0)
        self._places.append(Place(name, restart, make, child))
        self._publish()
        return child.ref

    def dismiss(self, ref: Ref[Any], grace: float | None) -> None:
        """Begin to stop one child; nothing happens if it has ended."""
        for place in self._places:
            if place.child.ref is ref:
                place.dismissed = True
                place.child.halt(grace)
                return
        if ref.is_running:
            raise NotHere(f"{ref!r} is not a child of '{self._parent.path}'")

    async def stop(self) -> None:
        """Stop all, the youngest first, each within its grace; return when none is left."""
        for place in reversed(self._places):
            place.child.halt()
            await place.child.end.wait()
        self._places.clear()
        self._publish()

    async def ended(self, child: Child, proceed: Callable[[], bool]) -> None:
        """Deal with the end of a child: make it anew, or take note of it.

        With `REST_FOR_ONE` this waits until the younger children have stopped; `proceed` then says
        whether the parent still runs. Raises `Escalated`, and what the hooks raise.
        """
        place = next((place for place in self._places if place.child is child), None)
        ended = child.end.ended
        if place is None or ended is None:
            return
        if place.dismissed or not place.restart.applies(ended):
            self._places.remove(place)
            self._publish()
            if ended.error is not None:
                self._hooks.child_failed(child.ref, ended.error)
            return
        self._count(child.ref, ended)
        stopped = await self._stop_after(place)
        if proceed():
            for each in (place, *stopped):
                self._make_anew(each)

    async def _stop_after(self, place: Place) -> list[Place]:
        """Stop those younger than `place` if the strategy says so; return those to make anew."""
        if self._strategy is Strategy.ONE_FOR_ONE:
            return []
        stopped: list[Place] = []
        for younger in reversed(self._places[self._places.index(place) + 1 :]):
            # One that ends by itself right now has its own reason, which is dealt with in its turn.
            own = younger.child.halted
            younger.child.halt()
            await younger.child.end.wait()
            if own:
                continue
            if younger.restart is Restart.TEMPORARY:
                self._places.remove(younger)
            else:
                stopped.append(younger)
        stopped.reverse()
        self._publish()
        return stopped

    def _make_anew(self, place: Place) -> None:
        old = place.child.ref
        while True:
            place.restarts += 1
            try:
                place.child = place.make(place.restarts)
            except Exception as error:  # its factory's: as good as a failure of the child
                self._report(old, error)
                self._count(old, Ended(old, Reason.FAILED, error))
            else:
                break
        self._publish()
        self._hooks.child_restarted(old, place.child.ref)

    def _count(self, ref: Ref[Any], ended: Ended) -> None:
        if self._intensity.exceeded(trio.current_time()):
            raise Escalated(ref, ended.error) from ended.error

    def _publish(self) -> None:
        self._parent.children = tuple(place.child.ref for place in self._places)
