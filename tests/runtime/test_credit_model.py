"""A window against lists of what each taker has not taken yet."""

import trio
from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.credit import HEAVIEST, LOOSE, MOST, Takings, Window, weight
from peppy.runtime.outlet import LARGEST_TOGETHER
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.ring import TURN
from peppy.runtime.transport.shared_memory import THRESHOLD
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

SENDER = Address("core", Name("camera"), InstanceId("front"))

PUBLISHER = 7


class Taker:
    """One taker, and the sequence numbers and sizes of what waits for it."""

    def __init__(self, transport: MemoryTransport, number: int) -> None:
        name = keys.taker("topic", "camera", None, None, f"{LOOSE}-{number}")
        self.takings = Takings(transport, name)
        self.waiting: list[tuple[int, int]] = []
        self.behind = 0
        """The weight of all that."""
        self._account = self.takings.account(PUBLISHER)

    def give(self, sequence: int, size: int) -> None:
        self.waiting.append((sequence, size))
        self.behind += weight(size)

    def take(self, count: int, *, together: bool) -> None:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.behind -= sum(weight(size) for _, size in taken)
        if not together or any(size > LARGEST_TOGETHER for _, size in taken):
            for sequence, size in taken:
                self._account.took(sequence, size)
            return
        for first in range(0, len(taken), TURN):
            many = taken[first : first + TURN]
            self._account.took(many[-1][0], sum(size for _, size in many), len(many))


class Bench:
    """A window and its takers."""

    def __init__(self) -> None:
        self._transport = MemoryTransport(MemoryNetwork())
        self.window = Window(self._transport, SENDER, "topic", PUBLISHER, lambda: None)
        self._takers: list[Taker] = []
        self._names = 0

    def appear(self) -> None:
        self._names += 1
        self._takers.append(Taker(self._transport, self._names))

    def disappear(self, which: int) -> None:
        if self._takers:
            self._takers.pop(which % len(self._takers)).takings.close()

    def send(self, count: int, size: int) -> None:
        """Send until the window is full."""
        for _ in range(count):
            if self.window.full:
                return
            for taker in self._takers:
                assert len(taker.waiting) < MOST
                assert taker.behind < HEAVIEST
                taker.give(self.window.sequence, size)
            self.window.sent(size)

    def take(self, which: int, count: int, *, together: bool) -> None:
        if self._takers:
            self._takers[which % len(self._takers)].take(count, together=together)

    def check(self) -> None:
        if not any(taker.waiting for taker in self._takers):
            assert not self.window.full, "it waits although all has been taken"

    def take_all(self) -> None:
        for taker in self._takers:
            taker.take(len(taker.waiting), together=False)


LIGHT = st.sampled_from([0, 100, 1000])
HEAVY = st.sampled_from([LARGEST_TOGETHER, 10_000, THRESHOLD - 1, THRESHOLD, 3_000_000, 64 << 20])
COUNTS = st.sampled_from([2 * MOST, MOST // 4]) | st.integers(1, MOST)
WHICH = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("send"), COUNTS, LIGHT | HEAVY),
    st.tuples(st.just("send"), st.just(2 * MOST), LIGHT),
    st.tuples(st.sampled_from(["take", "take together"]), COUNTS, WHICH),
    st.tuples(st.sampled_from(["appear", "disappear"]), WHICH, st.just(0)),
)


@given(st.lists(STEPS, min_size=5, max_size=25))
def test_no_taker_is_ever_a_window_behind_and_none_is_waited_for_that_has_taken_all(
    steps: list[tuple[str, int, int]],
) -> None:
    async def main() -> None:
        bench = Bench()
        await bench.window.opened()
        bench.appear()
        for step, number, more in steps:
            match step:
                case "send":
                    bench.send(number, more)
                case "appear":
                    bench.appear()
                case "disappear":
                    bench.disappear(number)
                case _:
                    bench.take(more, number, together=step == "take together")
            bench.check()
        bench.take_all()
        bench.check()

    trio.run(main)
