"""Promises 15 to 18: failures and what a parent does about them."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import (
    Actor,
    Ended,
    Escalated,
    Ref,
    Restart,
    Strategy,
    Supervision,
    run_actor,
)
from tests.actors.kernel.kernel_probe import Do, Failures, Log, Please, Probe, fail


class RestForOne(Probe):
    supervision: ClassVar[Supervision] = Supervision(strategy=Strategy.REST_FOR_ONE)


def _raise(text: str) -> Callable[..., Any]:
    def raise_it(*_: object) -> None:
        raise ValueError(text)

    return raise_it


async def _raise_async() -> None:
    raise ValueError("cleaning")


async def _end(ref: Ref[Any] | None, message: object) -> None:
    assert ref is not None
    ref.tell(message)
    await ref.ended()
    await wait_all_tasks_blocked()


STOP = Do(lambda actor: actor.stop())


WAYS_TO_FAIL: dict[str, tuple[Callable[[Probe], object], str]] = {
    "receive": (lambda r: r.add("c").tell(fail("receiving")), "receiving"),
    "started": (lambda r: r.add("c", on_start=_raise("starting")), "starting"),
    "stopping": (lambda r: r.add("c", on_stop=_raise_async).tell(STOP), "cleaning"),
    "background": (
        lambda r: r.add("c", on_start=lambda c: c.background(_raise_async)),
        "cleaning",
    ),
}


@pytest.mark.parametrize("where", WAYS_TO_FAIL)
async def test_whatever_an_actor_raises_fails_it_and_its_parent_hears(where: str) -> None:
    add, text = WAYS_TO_FAIL[where]
    log: Log = []
    failures = Failures()
    async with run_actor(lambda: Probe(log, on_start=add), on_failure=failures) as root:
        await wait_all_tasks_blocked()
        assert log[-1] == f"c failed: {text}"
        assert failures.texts == [("root/c", text)]
        assert root.is_running


async def test_a_failing_actor_stops_its_children_and_cleans_up_in_good_order() -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        root.add("a", on_start=lambda a: (a.add("a1"), a.add("a2"))).tell(fail())

    async with run_actor(lambda: Probe(log, on_start=begin), on_failure=Failures()):
        await wait_all_tasks_blocked()
        assert log[-4:] == ["a2 stops", "a1 stops", "a stops", "a failed: it broke"]


async def test_stopping_is_not_called_for_an_actor_whose_started_raised() -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        root.add("a", on_start=lambda a: (a.add("a1"), _raise("half way")()))

    async with run_actor(lambda: Probe(log, on_start=begin), on_failure=Failures()):
        await wait_all_tasks_blocked()
        assert log[-2:] == ["a1 stops", "a failed: half way"]
        assert "a stops" not in log


async def test_every_error_of_one_actor_is_reported_and_the_first_is_its_end() -> None:
    failures = Failures()
    ends: list[Ended] = []

    def begin(root: Probe) -> None:
        child = root.add("c", on_stop=_raise_async)
        root.watch(child, ends.append)
        child.tell(fail("first"))

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=failures):
        await wait_all_tasks_blocked()
    assert failures.texts == [("root/c", "first"), ("root/c", "cleaning")]
    assert [str(end.error) for end in ends] == ["first"]


async def test_a_hook_that_raises_fails_the_parent() -> None:
    class Strict(Probe):
        def child_failed(self, ref: Ref[Any], error: Exception) -> None:
            raise RuntimeError(f"cannot do without '{ref.name}'") from error

    async def live() -> None:
        async with run_actor(
            lambda: Strict([], on_start=lambda r: r.add("c").tell(fail())), on_failure=Failures()
        ):
            await trio.sleep_forever()

    with pytest.raises(RuntimeError, match="cannot do without 'c'"):
        await live()


async def test_failures_go_to_the_log_where_nobody_else_wants_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        async with run_actor(
            lambda: Probe([], on_start=lambda r: r.add("c").tell(fail("unheard of")))
        ):
            await wait_all_tasks_blocked()
    assert "<Ref root/c#2> failed" in caplog.text
    assert "unheard of" in caplog.text


async def test_a_reporter_that_raises_is_replaced_by_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with run_actor(
        lambda: Probe([], on_start=lambda r: r.add("c").tell(fail("the cause"))),
        on_failure=_raise("the reporter's own"),
    ) as root:
        await wait_all_tasks_blocked()
        assert root.is_running
    assert "the reporter's own" in caplog.text
    assert "the cause" in caplog.text


async def test_an_error_too_late_for_a_message_still_reaches_the_reporter() -> None:
    failures = Failures()

    async def fail_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("too late")

    def begin(root: Probe) -> None:
        root.background(fail_when_cancelled, failed=lambda error: error)

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=failures):
        await wait_all_tasks_blocked()
    assert failures.texts == [("root", "too late")]


@pytest.mark.parametrize(
    ("restart", "message", "again"),
    [
        (Restart.PERMANENT, STOP, True),
        (Restart.PERMANENT, fail(), True),
        (Restart.TRANSIENT, STOP, False),
        (Restart.TRANSIENT, fail(), True),
        (Restart.TEMPORARY, STOP, False),
        (Restart.TEMPORARY, fail(), False),
    ],
)
async def test_a_child_is_made_anew_as_its_restart_says(
    restart: Restart, message: Do, again: bool
) -> None:
    log: Log = []
    probe = Probe(log, on_start=lambda r: r.add("c", restart))
    async with run_actor(lambda: probe, on_failure=Failures()):
        old = probe.child("c")
        assert old is not None
        await _end(old, message)
        new = probe.child("c")
        assert (new is not None) is again
        assert new is not old
        assert ("c restarted" in log) is again
        if new is not None:
            assert (new.path, new.statistics().restarts) == (old.path, 1)


async def test_a_child_that_its_parent_stopped_is_not_made_anew() -> None:
    probe = Probe([], on_start=lambda r: r.add("c", Restart.PERMANENT))
    async with run_actor(lambda: probe):
        await wait_all_tasks_blocked()
        probe.stop_child(probe.children[0])
        await wait_all_tasks_blocked()
        assert probe.children == ()


async def test_one_for_one_leaves_the_siblings_alone_and_keeps_the_place() -> None:
    log: Log = []
    probe = Probe(log, on_start=lambda r: [r.add(n, Restart.PERMANENT) for n in "abc"])
    async with run_actor(lambda: probe, on_failure=Failures()):
        before = probe.children
        await _end(probe.child("b"), fail())
        after = probe.children
        assert (after[0], after[2]) == (before[0], before[2])
        assert [ref.name for ref in after] == ["a", "b", "c"]


async def test_rest_for_one_stops_the_younger_in_reverse_and_starts_them_in_order(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        for name in "abcd":
            root.add(name, Restart.PERMANENT, on_stop=partial(trio.sleep, 1))
        root.add("e")

    probe = RestForOne(log, on_start=begin)
    async with run_actor(lambda: probe, grace=60, on_failure=Failures()):
        oldest = probe.children[0]
        log.clear()
        await _end(probe.child("b"), fail())
        await trio.sleep(10)
        assert log == [
            *["b stops", "b cleaned up", "e stops"],
            *["d stops", "d cleaned up", "c stops", "c cleaned up"],
            *["b starts", "b restarted", "c starts", "c restarted", "d starts", "d restarted"],
        ]
        assert [ref.name for ref in probe.children] == ["a", "b", "c", "d"]
        assert probe.children[0] is oldest


async def test_a_parent_that_is_stopped_amid_rest_for_one_starts_nobody(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        root.add("a", Restart.PERMANENT).tell(fail())
        root.add("b", Restart.PERMANENT, on_stop=partial(trio.sleep, 1))

    async with run_actor(lambda: RestForOne(log, on_start=begin), on_failure=Failures()):
        await trio.sleep(0.5)
    assert log.count("a starts") == 1
    assert log.count("b starts") == 1


async def test_more_restarts_than_the_intensity_in_the_window_fail_the_parent(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    async def live() -> None:
        async with run_actor(
            lambda: Probe(
                log, on_start=lambda r: r.add("c", Restart.PERMANENT, on_start=_raise("never"))
            ),
            on_failure=Failures(),
        ):
            await trio.sleep_forever()

    with pytest.raises(Escalated, match="'root/c' had to be restarted too often") as caught:
        await live()
    assert log.count("c starts") == 4
    assert str(caught.value.error) == "never"
    assert caught.value.child.name == "c"


async def test_restarts_outside_the_window_are_forgiven(autojump_clock: MockClock) -> None:
    probe = Probe([], on_start=lambda r: r.add("c", Restart.PERMANENT))
    async with run_actor(lambda: probe, on_failure=Failures()) as root:
        for _ in range(12):
            await _end(probe.child("c"), fail())
            await trio.sleep(20)
        assert root.is_running
        assert probe.children[0].statistics().restarts == 12


async def test_a_factory_that_raises_raises_in_spawn_and_counts_as_a_failed_restart() -> None:
    broken = False

    class Fragile(Actor[object]):
        def __init__(self) -> None:
            if broken:
                raise OSError("no device")

        def receive(self, message: object) -> None:
            raise ValueError(message)

    failures = Failures()
    probe = Probe([])

    async def live() -> None:
        nonlocal broken
        async with run_actor(lambda: probe, on_failure=failures):
            child = probe.spawn(Fragile, "c", restart=Restart.PERMANENT)
            broken = True
            with pytest.raises(OSError, match="no device"):
                probe.spawn(Fragile, "d")
            child.tell("now")
            await trio.sleep_forever()

    with pytest.raises(Escalated) as caught:
        await live()
    assert isinstance(caught.value.error, OSError)
    assert [text for _, text in failures.texts[:-1]] == ["now", *["no device"] * 3]


async def test_escalation_climbs_until_somebody_can_deal_with_it() -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        root.add(
            "team",
            Restart.TEMPORARY,
            on_start=lambda team: team.add("c", Restart.TRANSIENT, on_start=_raise("never")),
        )

    async with run_actor(lambda: Probe(log, on_start=begin), on_failure=Failures()) as root:
        await wait_all_tasks_blocked()
        assert root.is_running
        assert log[-1].startswith("team failed: 'root/team/c' had to be restarted too often")


async def test_a_root_that_fails_cancels_its_block_and_raises_its_own_error() -> None:
    reached = False

    async def live() -> None:
        nonlocal reached
        async with run_actor(lambda: Probe([]), on_failure=Failures()) as root:
            root.tell(fail())
            await trio.sleep_forever()
            reached = True

    with pytest.raises(ValueError, match="it broke"):
        await live()
    assert not reached


async def test_a_block_that_asks_a_failing_root_raises_the_roots_error() -> None:

    async def live() -> None:
        async with run_actor(lambda: Probe([]), on_failure=Failures()) as root:
            root.tell(fail())
            await root.ask(Please(lambda actor, question: None))

    with pytest.raises(ValueError, match="it broke"):
        await live()


async def test_the_errors_of_root_and_block_are_both_raised() -> None:

    async def live() -> None:
        async with run_actor(lambda: Probe([]), on_failure=Failures()) as root:
            root.tell(fail())
            try:
                await trio.sleep_forever()
            finally:
                raise LookupError("mine")

    with pytest.raises(ExceptionGroup) as caught:
        await live()
    assert [str(error) for error in caught.value.exceptions] == ["it broke", "mine"]


async def test_a_block_that_raises_the_roots_own_error_raises_it_once() -> None:
    async def live() -> None:
        async with run_actor(lambda: Probe([]), on_failure=Failures()) as root:
            root.tell(fail())
            with trio.CancelScope(shield=True):
                raise (await root.ended()).error or AssertionError

    with pytest.raises(ValueError, match="it broke"):
        await live()
