"""Promises 19 and 20: background work and timers."""

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import Background, Timer, run_actor
from tests.actors.kernel.kernel_probe import Do, Failures, Log, Probe


async def _double(number: int) -> int:
    await trio.sleep(number)
    return 2 * number


async def _fail() -> None:
    await trio.sleep(1)
    raise ValueError("no luck")


async def test_background_work_comes_back_as_a_message(autojump_clock: MockClock) -> None:
    log: Log = []

    def begin(actor: Probe) -> None:
        actor.background(_double, 3, done=lambda result: ("done", result))
        actor.background(_fail, failed=lambda error: ("failed", str(error)))
        actor.background(_double, 2)

    async with run_actor(lambda: Probe(log, on_start=begin)) as root:
        await trio.sleep(5)
        assert log[1:] == [("failed", "no luck"), ("done", 6)]
        assert root.is_running


async def test_what_makes_the_message_of_background_work_fails_the_actor() -> None:
    failures = Failures()

    def no_message(result: int) -> object:
        raise KeyError(result)

    def begin(root: Probe) -> None:
        root.add("c", on_start=lambda c: c.background(_double, 0, done=no_message))

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=failures):
        await wait_all_tasks_blocked()
    assert failures.texts == [("root/c", "0")]


async def test_cancelled_background_work_says_nothing(autojump_clock: MockClock) -> None:
    log: Log = []
    work: list[Background] = []

    def begin(actor: Probe) -> None:
        work.append(actor.background(_double, 3, done=lambda result: result, name="doubling"))

    async with run_actor(lambda: Probe(log, on_start=begin)) as root:
        await trio.sleep(1)
        assert repr(work[0]) == "<Background doubling>"
        work[0].cancel()
        assert work[0].cancelled
        await trio.sleep(5)
        assert log == ["root starts"]
        assert root.is_running


async def test_background_work_goes_on_until_the_actor_has_cleaned_up(
    autojump_clock: MockClock,
) -> None:
    written: list[str] = []
    send, receive = trio.open_memory_channel[str](10)

    async def write() -> None:
        async for line in receive:
            await trio.sleep(1)
            written.append(line)

    async def flush() -> None:
        send.close()
        await trio.sleep(3)

    async with run_actor(
        lambda: Probe([], on_start=lambda actor: actor.background(write), on_stop=flush)
    ):
        send.send_nowait("one")
        send.send_nowait("two")
    assert written == ["one", "two"]


async def test_timers_go_off_in_the_order_of_their_times_and_of_their_setting(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def begin(actor: Probe) -> None:
        for seconds, message in [(3, "c"), (1, "a"), (2, "b1"), (2, "b2"), (0, "now")]:
            actor.later(seconds, (message, trio.current_time() + seconds))

    async with run_actor(lambda: Probe(log, on_start=begin)):
        await trio.sleep(1.5)
        assert log[1:] == [("now", 0), ("a", 1)]
        await trio.sleep(5)
        assert log[3:] == [("b1", 2), ("b2", 2), ("c", 3)]


async def test_a_cancelled_timer_says_nothing_and_the_others_go_on(
    autojump_clock: MockClock,
) -> None:
    log: Log = []
    timers: list[Timer] = []

    def begin(actor: Probe) -> None:
        timers.append(actor.later(1, "first"))
        timers.append(actor.later(2, "second"))

    def again(actor: Probe) -> None:
        timers.append(actor.later(1, "third"))

    async with run_actor(lambda: Probe(log, on_start=begin)) as root:
        await wait_all_tasks_blocked()
        assert repr(timers[0]) == "<Timer 'first' at 1>"
        timers[0].cancel()
        timers[0].cancel()
        await trio.sleep(3)
        timers[1].cancel()
        assert log[1:] == ["second"]
        root.tell(Do(again))
        await wait_all_tasks_blocked()
        timers[2].cancel()
        root.tell(Do(again))
        await trio.sleep(3)
        assert log[2:] == ["third"]


async def test_a_timer_that_is_set_later_may_go_off_earlier(autojump_clock: MockClock) -> None:
    log: Log = []
    async with run_actor(lambda: Probe(log, on_start=lambda a: a.later(10, "late"))) as root:
        await trio.sleep(1)
        root.tell(Do(lambda actor: actor.later(1, "early")))
        await trio.sleep(2)
        assert log[1:] == ["early"]


async def test_of_two_timers_for_the_same_time_the_cancelled_one_stays_silent(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def begin(actor: Probe) -> None:
        actor.later(1, "first")
        actor.later(1, "second").cancel()
        actor.later(1, "third")

    async with run_actor(lambda: Probe(log, on_start=begin)):
        await trio.sleep(2)
        assert log[1:] == ["first", "third"]
