"""From which message on a taker hears a sender without a gap.

While two nodes link, zenoh sends one the messages of the other although it does not know yet what
is subscribed there. From then on it knows what was subscribed when the link was made, and a moment
later what has been since. So a node that subscribes meanwhile may hear a message, miss the next
ones, and then hear all. What it misses was not for it, who was not known yet; but what a taker is
handed must have no gap.

So a taker that hears from a publisher for the first time asks it from where on it sends all. The
question is behind the subscription on its way, and the answer says the sequence number of the
publisher's next message. What came before that one is held until it is whole up to there; what is
before a gap in it is forgotten.
"""

from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final

from peppy.runtime.credit import BEGINNING, Account, Takings
from peppy.runtime.transport.loops import clock_here
from peppy.runtime.transport.port import Backlog, Listening, Sample, TransportError
from peppy.schema import envelope

PATIENCE: Final = 2.0
"""Seconds without an answer after which what is held is handed out as it is.

A sender whose loop stands answers late; one of a version that does not know the question, never.
"""

MOST_HELD: Final = 65536
"""Samples of one publisher that are held: as many as wait in a ring."""


class _Newcomer:
    __slots__ = ("account", "beginning", "held", "until")

    def __init__(self, account: Account, until: float) -> None:
        self.account = account
        self.until = until
        """When it is waited for no more, on the loop's clock."""
        self.beginning: int | None = None
        """What it has answered."""
        self.held: list[Sample] = []
        """In their order."""

    @property
    def end(self) -> int:
        """The sequence number after the last that is held."""
        return _span(self.held[-1])[1]

    def hold(self, sample: Sample) -> None:
        """Hold one more."""
        self.held.append(sample)
        if len(self.held) > 1 and _span(self.held[-2]) > _span(sample):
            self.held.sort(key=_span)  # tasks that share a subscription open in any order


Begin = Callable[[int, str, int, Account], object]
"""Is told of a publisher, its key, the sequence number that is expected first, and its account."""


class Beginnings:
    """The newcomers among the publishers of one subscription, and what is held of them."""

    def __init__(self, takings: Takings, subscription: Backlog[object], begin: Begin) -> None:
        self.newcomers: dict[int, _Newcomer] = {}
        """Those that have been asked, as long as something of them is held."""
        self._takings = takings
        self._subscription = subscription
        self._begin = begin
        self._now = clock_here()
        self._answers: Listening | None = None

    def hold(self, publisher: int, sample: Sample) -> Account | None:
        """Hold a sample of a publisher that has not begun, and ask it at the first one.

        Returns a new account with it if there is nothing to wait for: nobody hears the question.
        """
        newcomer = self.newcomers.get(publisher)
        if newcomer is not None:
            newcomer.hold(sample)
            self._look(publisher, newcomer)
            return None
        if self._answers is None:
            self._answers = self._takings.hear_beginnings(self._on_answer)
        account = self._takings.account(publisher)
        newcomer = self.newcomers[publisher] = _Newcomer(account, self._now() + PATIENCE)
        newcomer.hold(sample)
        with suppress(TransportError):
            if account.ask():  # the answer may be there already
                return None
        del self.newcomers[publisher]
        return account

    @property
    def held(self) -> int:
        """The number of samples that are held."""
        return sum(len(newcomer.held) for newcomer in self.newcomers.values())

    def left(self) -> float:
        """Return the seconds until somebody is waited for no more, at most `PATIENCE`."""
        first = min((each.until for each in self.newcomers.values()), default=None)
        return PATIENCE if first is None else min(PATIENCE, max(0.0, first - self._now()))

    def give_up(self, *, at_once: bool = False) -> bool:
        """Wait no more for what is overdue, or for anything; say if there was something."""
        now, found = self._now(), False
        for publisher, newcomer in list(self.newcomers.items()):
            if at_once or newcomer.until <= now:
                found = True
                self._give_up(publisher, newcomer, at_once=at_once)
        return found

    def _give_up(self, publisher: int, newcomer: _Newcomer, *, at_once: bool) -> None:
        beginning = newcomer.beginning
        if beginning is None or at_once:
            self._release(publisher, newcomer.held)
        elif newcomer.end >= beginning:
            self._release(publisher, *_whole(newcomer.held, beginning))
        else:  # what is missing up to the beginning went to others: its sender waits for nobody
            newcomer.until = inf
            newcomer.account.tell(beginning - 1)

    def _on_answer(self, sample: Sample) -> None:
        if len(sample.payload) == BEGINNING.size:
            publisher, beginning = BEGINNING.unpack(sample.payload)
            newcomer = self.newcomers.get(publisher)
            if newcomer is not None:
                newcomer.beginning = beginning
                newcomer.until = self._now() + PATIENCE
                self._look(publisher, newcomer)

    def _look(self, publisher: int, newcomer: _Newcomer) -> None:
        beginning, held = newcomer.beginning, newcomer.held
        if beginning is not None and newcomer.end >= beginning:
            whole, first = _whole(held, beginning)
            # What another task has been given and has not opened yet is no gap.
            if len(whole) == len(held) or not self._subscription.statistics().waiting:
                self._release(publisher, whole, first)
        elif len(held) >= MOST_HELD:
            self._release(publisher, held)

    def _release(self, publisher: int, held: list[Sample], first: int | None = None) -> None:
        newcomer = self.newcomers.pop(publisher)
        key = newcomer.held[0].key
        self._begin(publisher, key, _span(held[0])[0] if first is None else first, newcomer.account)
        self._subscription.put_back(held)

    def close(self) -> None:
        """Ask nobody any more; what is held is handed out."""
        if self._answers is not None:
            self._answers.close()
        self.give_up(at_once=True)


def _span(sample: Sample) -> tuple[int, int]:
    """Return the sequence number of its first message, and that of the one after its last."""
    sequence = envelope.values(sample.attachment)[2]
    return sequence, sequence + envelope.number_in(sample.attachment[envelope.SIZE :])


def _whole(held: list[Sample], beginning: int) -> tuple[list[Sample], int]:
    """Return what is held without what is before a gap up to `beginning`, and where that begins."""
    for place in range(len(held) - 1, -1, -1):
        first, after = _span(held[place])
        if after < beginning:
            return held[place + 1 :], beginning
        beginning = min(beginning, first)
    return held, beginning
