"""Random trees, random misfortune: what holds whatever happens."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import (
    Actor,
    ActorEnded,
    Escalated,
    Ref,
    Restart,
    Strategy,
    Supervision,
    Unanswered,
    run_actor,
)
from tests.actors.kernel.kernel_probe import Do, Please, Probe, fail


@dataclass(frozen=True)
class Branch:
    """One place in a tree."""

    restart: Restart
    strategy: Strategy
    cleaning: str
    children: tuple["Branch", ...]

    @property
    def height(self) -> int:
        return 1 + max((child.height for child in self.children), default=0)


def _branches(
    children: st.SearchStrategy[tuple[Branch, ...]],
) -> st.SearchStrategy[Branch]:
    return st.builds(
        Branch,
        st.sampled_from(Restart),
        st.sampled_from(Strategy),
        st.sampled_from(["quick", "slow", "hangs", "fails"]),
        children,
    )


TREES = st.recursive(
    _branches(st.just(())),
    lambda inner: _branches(st.lists(inner, min_size=1, max_size=3).map(tuple)),
    max_leaves=8,
)
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(
            ["fail", "stop", "stop child", "answer", "forget", "promise", "forward", "leave"]
        ),
        st.integers(0, 20),
        st.sampled_from([0, 0, 0.5, 5]),
    ),
    max_size=15,
)


@dataclass(eq=False)
class World:
    """What happened, seen from outside the kernel."""

    living: dict[int, tuple[Ref[Any], int, int]] = field(
        default_factory=dict[int, tuple[Ref[Any], int, int]]
    )
    """By number: the ref, its parent's number and its place among its siblings."""
    ended: set[int] = field(default_factory=set[int])
    touched: set[int] = field(default_factory=set[int])
    """Those that something happened to beside their parent stopping them."""
    open_questions: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def born(self, ref: Ref[Any], parent: int, place: int) -> None:
        self.living[ref.number] = (ref, parent, place)
        ref.on_end(lambda ended: self.died(ended.ref.number))

    def died(self, number: int) -> None:
        del self.living[number]
        self.ended.add(number)
        self._check_childless(number, "ended")

    def stops(self, number: int) -> None:
        """Check that all younger siblings of one whom only its parent stops have ended."""
        _, parent, place = self.living[number]
        if number not in self.touched:
            younger = [r for r, p, i in self.living.values() if p == parent and i > place]
            if younger:
                self.wrong.append(f"{number} stopped before {younger}")
        self._check_childless(number, "stopped")

    def _check_childless(self, number: int, what: str) -> None:
        left = [ref for ref, parent, _ in self.living.values() if parent == number]
        if left:
            self.wrong.append(f"{number} {what} before {left}")


def _actor(world: World, branch: Branch, parent: int, place: int) -> Actor[object]:
    class Member(Probe):
        supervision: ClassVar[Supervision] = Supervision(branch.strategy, 2, 60.0)

        def started(self) -> None:
            world.born(self.me, parent, place)
            for index, child in enumerate(branch.children):
                self.spawn(
                    _factory(world, child, self.me.number, index),
                    f"child{index}",
                    restart=child.restart,
                    grace=10.0**child.height,
                )

        async def stopping(self) -> None:
            world.stops(self.me.number)
            await CLEANING[branch.cleaning]()

    return Member([])


def _factory(world: World, branch: Branch, parent: int, place: int) -> Callable[[], Actor[object]]:
    return lambda: _actor(world, branch, parent, place)


async def _fails() -> None:
    raise ValueError("cleaning up")


CLEANING: dict[str, Callable[[], Awaitable[None]]] = {
    "quick": trio.lowlevel.checkpoint,
    "slow": partial(trio.sleep, 1),
    "hangs": trio.sleep_forever,
    "fails": _fails,
}


async def _ask(world: World, ref: Ref[Any], question: Please, patience: float) -> None:
    world.open_questions += 1
    try:
        with trio.move_on_after(patience):
            await ref.ask(question)
    except (ActorEnded, Unanswered):
        pass
    finally:
        world.open_questions -= 1


def _stop_a_child(world: World, actor: Probe) -> None:
    for child in actor.children[-1:]:
        world.touched.add(child.number)
        actor.stop_child(child)


def _do(world: World, nursery: trio.Nursery, deed: str, ref: Ref[Any], other: Ref[Any]) -> None:
    def ask(question: Please, patience: float = 1e9) -> None:
        nursery.start_soon(_ask, world, ref, question, patience)

    match deed:
        case "fail":
            world.touched.add(ref.number)
            ref.tell(fail())
        case "stop":
            world.touched.add(ref.number)
            ref.tell(Do(lambda actor: actor.stop()))
        case "stop child":
            ref.tell(Do(lambda actor: _stop_a_child(world, actor)))
        case "answer":
            ask(Please(lambda actor, question: actor.answer(question, 1)))
        case "forget":
            ask(Please(lambda actor, question: None))
        case "promise":
            ask(Please(lambda actor, question: actor.promise(question)))
        case "forward":
            ask(
                Please(
                    lambda actor, question: (
                        actor.forward(question, other)
                        if actor.me is not other
                        else actor.answer(question, 1)
                    )
                )
            )
        case _:
            ask(Please(lambda actor, question: actor.promise(question)), 2)


async def _live(tree: Branch, deeds: list[tuple[str, int, float]]) -> World:
    world = World()

    def on_failure(ref: Ref[Any], error: Exception) -> None:
        world.touched.add(ref.number)

    async with trio.open_nursery() as nursery:
        try:
            async with run_actor(_factory(world, tree, 0, 0), grace=1e9, on_failure=on_failure):
                for (deed, who, pause), skip in zip(deeds, itertools.count(1), strict=False):
                    refs = [ref for ref, _, _ in world.living.values()]
                    if not refs:
                        break
                    _do(world, nursery, deed, refs[who % len(refs)], refs[(who * skip) % len(refs)])
                    await trio.sleep(pause)
                await wait_all_tasks_blocked()
        except (Escalated, ValueError):
            pass
        await wait_all_tasks_blocked()
        unresolved = world.open_questions
        nursery.cancel_scope.cancel()
    assert unresolved == 0
    return world


@given(TREES, DEEDS)
@settings(max_examples=150, deadline=None)
def test_whatever_fails_or_stops_the_order_holds_nobody_survives_and_all_asks_resolve(
    tree: Branch, deeds: list[tuple[str, int, float]]
) -> None:
    world = trio.run(_live, tree, deeds, clock=MockClock(autojump_threshold=0))
    assert world.wrong == []
    assert world.living == {}
    assert world.ended
