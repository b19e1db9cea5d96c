"""One goal's feedback at its client: in order, bounded, and ended exactly once."""

import anyio
import pytest

from peppy.runtime.action_errors import ActionFeedbackEnded
from peppy.runtime.action_feedback import TAIL, Feedback, FeedbackStatistics
from peppy.runtime.action_wire import Ahead, Mark, Told, pack
from tests.runtime.transport.wires import LOOPS


def feedback(capacity: int = 4) -> tuple[Feedback, FeedbackStatistics]:
    statistics = FeedbackStatistics()
    return Feedback("move", capacity, statistics), statistics


def mark(sequence: int) -> Mark:
    return Mark(Told.FEEDBACK, 1, sequence, 5)


async def test_feedback_that_its_end_overtakes_is_still_handed_out(autojump_clock: object) -> None:
    stream, _ = feedback()
    stream.add(mark(0), b"0")
    stream.end("over", 2)
    assert await stream.next() == (5, b"0")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ends_after, stream, b"1")
        await anyio.sleep(TAIL / 2)
        stream.add(mark(1), b"1")


async def ends_after(stream: Feedback, last: bytes) -> None:
    assert (await stream.next())[1] == last
    with pytest.raises(ActionFeedbackEnded, match="has ended: over"):
        await stream.next()


async def test_feedback_that_got_lost_at_the_end_is_not_waited_for_long(
    autojump_clock: object,
) -> None:
    stream, _ = feedback()
    stream.end("over", 3)
    began = anyio.current_time()
    with pytest.raises(ActionFeedbackEnded):
        await stream.next()
    assert anyio.current_time() - began == pytest.approx(TAIL)


async def test_everybody_who_waits_hears_of_the_end(autojump_clock: object) -> None:
    stream, _ = feedback()

    async def wait() -> None:
        with pytest.raises(ActionFeedbackEnded):
            await stream.next()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        await anyio.sleep(1)
        stream.end("over", 0)


async def test_gaps_and_what_the_ring_gave_up_are_counted() -> None:
    stream, statistics = feedback(capacity=2)
    for sequence in (0, 3, 4, 4, 5):
        stream.add(mark(sequence), str(sequence).encode())
    assert [await stream.next() for _ in range(2)] == [(5, b"4"), (5, b"5")]
    assert (statistics.received, statistics.lost, statistics.dropped) == (4, 2, 2)


@pytest.mark.parametrize("backend", LOOPS)
def test_a_cancelled_wait_hands_its_wake_up_on(backend: str) -> None:
    got: list[bytes] = []

    async def main() -> None:
        stream, _ = feedback()

        async def take(scope: anyio.CancelScope) -> None:
            with scope:
                got.append((await stream.next())[1])

        async with anyio.create_task_group() as tasks:
            hasty = anyio.CancelScope()
            for scope in (hasty, anyio.CancelScope(), anyio.CancelScope()):
                tasks.start_soon(take, scope)
                await anyio.wait_all_tasks_blocked()
            stream.add(mark(0), b"0")
            hasty.cancel()
            await anyio.wait_all_tasks_blocked()
            for sequence in (1, 2)[: 3 - len(got) - hasty.cancelled_caught]:
                stream.add(mark(sequence), str(sequence).encode())

    anyio.run(main, backend=backend)
    assert got == [b"0", b"1", b"2"][: len(got)]
    assert len(got) >= 2


async def test_the_fewest_goals_ahead_at_any_server_are_told() -> None:
    told: list[int] = []
    stream = Feedback("move", 4, FeedbackStatistics(), told.append)
    for server, ahead in (("left", 3), ("right", 2), ("left", 2), ("left", 1), ("left", 1)):
        stream.noted(pack(Ahead(server, ahead)))
    stream.noted(b"\xc1")
    assert told == [3, 2, 1]


async def test_an_on_queued_that_fails_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(ahead: int) -> None:
        raise LookupError(ahead)

    stream = Feedback("move", 4, FeedbackStatistics(), broken)
    stream.noted(pack(Ahead("left", 3)))
    assert stream.ahead == 3
    assert "'on_queued' of action 'move' failed" in capsys.readouterr().err
