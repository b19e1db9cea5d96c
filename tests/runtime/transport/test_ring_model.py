"""The ring against a model of it in plain lists, and under threads that push for real."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import anyio
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from peppy.runtime.transport.loops import open_handover
from peppy.runtime.transport.port import Closed, Statistics
from peppy.runtime.transport.ring import Ring
from tests.runtime.transport.wires import DEADLINE, LOOPS, until

Outcome = int | str


@dataclass
class Model:
    """What a ring that drops its oldest items does, said without tasks."""

    capacity: int
    queue: list[int] = field(default_factory=list[int])
    waiting: list[int] = field(default_factory=list[int])
    granted: list[int] = field(default_factory=list[int])
    """Receivers that are woken, by an item or by the end, and have not run yet."""
    outcomes: dict[int, Outcome] = field(default_factory=dict[int, Outcome])
    pushed: int = 0
    dropped: int = 0
    closed: bool = False

    def push(self, item: int) -> None:
        if self.closed:
            return
        self.pushed += 1
        self.queue.append(item)
        if len(self.queue) > self.capacity:
            self.queue.pop(0)
            self.dropped += 1
        if self.waiting and len(self.queue) > len(self.granted):
            self.granted.append(self.waiting.pop(0))

    def put_back(self, items: list[int]) -> None:
        self.queue[:0] = items
        self.capacity = max(self.capacity, len(self.queue))
        while self.waiting and len(self.queue) > len(self.granted):
            self.granted.append(self.waiting.pop(0))

    def settle(self) -> None:
        for receiver in self.granted:
            self.outcomes[receiver] = self.queue.pop(0) if self.queue else "closed"
        self.granted.clear()

    def receive(self, receiver: int) -> None:
        self.settle()
        if self.queue:
            self.outcomes[receiver] = self.queue.pop(0)
        elif self.closed:
            self.outcomes[receiver] = "closed"
        else:
            self.waiting.append(receiver)

    def take(self) -> int | None:
        place = len(self.granted)
        return self.queue.pop(place) if len(self.queue) > place else None

    def cancel(self, receiver: int) -> None:
        if receiver in self.waiting:
            self.waiting.remove(receiver)
            self.outcomes[receiver] = "cancelled"

    def close(self) -> None:
        self.closed = True
        self.granted += self.waiting
        self.waiting.clear()

    def statistics(self) -> Statistics:
        return Statistics(self.pushed, self.dropped, len(self.queue))


class Bench:
    """A ring, its receivers, and the model beside them."""

    def __init__(self, nursery: trio.Nursery, capacity: int) -> None:
        self._nursery = nursery
        self._ring: Ring[int] = Ring("the ring", capacity, lambda _: None)
        self._model = Model(capacity)
        self._outcomes: dict[int, Outcome] = {}
        self._scopes: list[trio.CancelScope] = []
        self._next = 0

    async def do(self, step: str, which: int) -> None:
        """Take one step on both sides; pushes and closes leave receivers no time to run."""
        match step:
            case "push":
                self._push()
            case "receive":
                self._scopes.append(trio.CancelScope())
                self._nursery.start_soon(self._receive, len(self._scopes) - 1)
                self._model.receive(len(self._scopes) - 1)
                await self.check()
            case "cancel":
                self._cancel(which)
                await self.check()
            case "cancel and push":
                self._cancel(which)
                self._push()
                await self.check()
            case "take":
                assert self._ring.receive_nowait() == self._model.take()
            case "put back":
                self._put_back(which)
            case "close":
                self._ring.close()
                self._model.close()
            case _:
                await self.check()

    async def check(self) -> None:
        """Let everybody run, and compare."""
        await wait_all_tasks_blocked()
        self._model.settle()
        assert self._outcomes == self._model.outcomes
        assert self._ring.statistics() == self._model.statistics()
        assert self._ring.awaited == bool(self._model.waiting)

    def _push(self) -> None:
        self._next += 1
        self._ring.push(self._next)
        self._ring.wake()
        self._model.push(self._next)

    def _put_back(self, number: int) -> None:
        items = [-self._next - place for place in range(number)]
        self._next += number
        self._ring.put_back(items)
        self._model.put_back(items)

    def _cancel(self, which: int) -> None:
        if self._scopes:
            receiver = which % len(self._scopes)
            self._scopes[receiver].cancel()
            self._model.cancel(receiver)

    async def _receive(self, receiver: int) -> None:
        with self._scopes[receiver]:
            try:
                self._outcomes[receiver] = await self._ring.receive()
            except Closed:
                self._outcomes[receiver] = "closed"
            except trio.Cancelled:
                self._outcomes[receiver] = "cancelled"
                raise


NAMES = ["push", "receive"] * 2 + ["cancel", "cancel and push", "take", "turn", "put back"]

STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 7)), min_size=12, max_size=40)


@given(capacity=st.integers(1, 4), before=STEPS, after=STEPS)
def test_whatever_happens_in_whatever_order_the_ring_does_what_its_model_does(
    capacity: int, before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    async def main() -> None:
        async with trio.open_nursery() as nursery:
            bench = Bench(nursery, capacity)
            for step, which in [*before, ("close", 0), *after]:
                await bench.do(step, which)
            await bench.check()
            nursery.cancel_scope.cancel()

    trio.run(main)


THREADS, EACH = 3, 120


def in_its_order(items: Iterable[tuple[int, int]]) -> bool:
    """Say whether the numbers of each thread only rise."""
    last = dict.fromkeys(range(THREADS), -1)
    for thread, number in items:
        if number <= last[thread]:
            return False
        last[thread] = number
    return True


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("capacity", [1, 3, 64])
def test_what_threads_push_reaches_impatient_receivers_once_or_is_counted_as_dropped(
    loop: str, capacity: int
) -> None:
    got: list[tuple[int, int]] = []

    async def receive(ring: Ring[tuple[int, int]], patience: float) -> None:
        while True:
            with anyio.move_on_after(patience):
                try:
                    got.append(await ring.receive())
                except Closed:
                    return

    async def main() -> Statistics:
        handover = open_handover()
        ring: Ring[tuple[int, int]] = Ring("it", capacity, lambda _: None)

        def push(thread: int) -> None:
            for number in range(EACH):
                handover.hander(ring)((thread, number))

        def all_is_taken() -> bool:
            counted = ring.statistics()
            return counted.received == THREADS * EACH and not counted.waiting

        threads = [threading.Thread(target=push, args=(it,)) for it in range(THREADS)]
        with anyio.fail_after(DEADLINE):
            async with anyio.create_task_group() as tasks:
                # One that never waits would keep the interpreter from the threads.
                for patience in (1e-5, DEADLINE):
                    tasks.start_soon(receive, ring, patience)
                for thread in threads:
                    thread.start()
                await until(all_is_taken)
                ring.close()
        for thread in threads:
            thread.join()
        handover.close()
        return ring.statistics()

    counted = anyio.run(main, backend=loop)
    assert counted == Statistics(THREADS * EACH, counted.dropped, waiting=0)
    assert len(set(got)) == len(got) == THREADS * EACH - counted.dropped


@pytest.mark.parametrize("capacity", [16, THREADS * EACH])
async def test_one_receiver_gets_what_each_thread_pushes_in_its_order(capacity: int) -> None:
    ring: Ring[tuple[int, int]] = Ring("it", capacity, lambda _: None)
    handover = open_handover()

    def push(thread: int) -> None:
        for number in range(EACH):
            handover.hander(ring)((thread, number))
        left.append(thread)
        if len(left) == THREADS:
            handover.call(ring.close)

    left: list[int] = []
    threads = [threading.Thread(target=push, args=(it,)) for it in range(THREADS)]
    for thread in threads:
        thread.start()
    got = [item async for item in ring]
    for thread in threads:
        thread.join()
    handover.close()
    assert in_its_order(got)
    assert len(got) == THREADS * EACH - ring.statistics().dropped
    assert capacity < THREADS * EACH or not ring.statistics().dropped
