"""Promises 10 to 14: life and end."""

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import (
    Ended,
    GraceExceeded,
    NameTaken,
    NotHere,
    Reason,
    Ref,
    describe,
    run_actor,
)
from tests.actors.kernel.kernel_probe import Do, Failures, Log, Probe, fail

LAST_FIRST = ["b1", "b", "a2", "a1", "a", "root"]


def _family(root: Probe) -> None:
    root.add("a", on_start=lambda a: (a.add("a1"), a.add("a2")))
    root.add("b", on_start=lambda b: b.add("b1"))


async def test_children_start_in_order_before_spawn_returns_and_stop_in_reverse() -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        _family(root)
        log.append("spawned")

    async with run_actor(lambda: Probe(log, on_start=begin)):
        assert log == [
            "root starts",
            *(f"{n} starts" for n in ("a", "a1", "a2", "b", "b1")),
            "spawned",
        ]
        await wait_all_tasks_blocked()
        log.clear()
    assert log == [f"{name} stops" for name in LAST_FIRST]


async def test_the_next_child_stops_when_the_younger_one_has_cleaned_up(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def begin(root: Probe) -> None:
        root.add("a", on_stop=partial(trio.sleep, 1))
        root.add("b", on_stop=partial(trio.sleep, 2))

    async with run_actor(lambda: Probe(log, on_start=begin)):
        log.clear()
    assert log == ["b stops", "b cleaned up", "a stops", "a cleaned up", "root stops"]
    assert trio.current_time() == 3


async def test_an_actor_that_takes_longer_than_its_grace_is_killed_with_all_in_it(
    autojump_clock: MockClock,
) -> None:
    log: Log = []
    failures = Failures()
    ends: list[Ended] = []

    def begin(root: Probe) -> None:
        slow = root.add("slow", grace=2, on_start=hang)
        root.watch(slow, ends.append)

    def hang(slow: Probe) -> None:
        slow.watch(slow.add("inner", grace=60, on_stop=trio.sleep_forever), ends.append)

    async with run_actor(lambda: Probe(log, on_start=begin), on_failure=failures) as root:
        root.tell(Do(lambda actor: actor.stop_child(actor.children[0])))
        await trio.sleep(10)
        assert [(end.ref.name, end.reason) for end in ends] == [("slow", Reason.KILLED)]
        assert [type(error) for _, error in failures.seen] == [GraceExceeded]
        assert failures.texts == [
            ("root/slow", "'root/slow' did not end within 2 s and was killed")
        ]
        assert log.count("slow stops") == 1


async def test_stop_child_takes_a_grace_of_its_own(autojump_clock: MockClock) -> None:
    when: list[float] = []

    def begin(root: Probe) -> None:
        child = root.add("child", grace=60, on_stop=trio.sleep_forever)
        root.watch(child, lambda ended: Do(lambda _: when.append(trio.current_time())))
        root.stop_child(child, grace=0.5)

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=Failures()):
        await trio.sleep(2)
    assert when == [0.5]


async def test_an_actor_can_stop_only_its_own_running_children() -> None:
    strangers: list[Ref[Any]] = []

    def begin(root: Probe) -> None:
        inner = root.add("child", on_start=lambda child: strangers.append(child.add("inner")))
        with pytest.raises(NotHere, match="is not a child of 'root'"):
            root.stop_child(strangers[0])
        root.stop_child(inner)
        root.stop_child(inner)

    async with run_actor(lambda: Probe([], on_start=begin)) as root:
        await wait_all_tasks_blocked()
        root.tell(Do(lambda actor: actor.stop_child(strangers[0])))
        await wait_all_tasks_blocked()
        assert root.is_running


async def test_a_child_that_is_leaving_gives_its_name_to_a_successor(
    autojump_clock: MockClock,
) -> None:
    log: Log = []

    def replace(root: Probe) -> None:
        old = root.child("camera")
        assert old is not None
        with pytest.raises(NameTaken, match="'root' has a child called 'camera' already"):
            root.add("camera")
        root.stop_child(old)
        new = root.add("camera")
        assert root.child("camera") is new
        assert root.children == (old, new)

    async with run_actor(
        lambda: Probe(log, on_start=lambda r: r.add("camera", on_stop=partial(trio.sleep, 1)))
    ) as root:
        root.tell(Do(replace))
        await trio.sleep(2)
        assert describe(root).count("camera") == 1
        root.tell(Do(lambda actor: log.append(actor.child("nobody"))))
        await wait_all_tasks_blocked()
        assert log[-1] is None


async def test_leaving_the_block_leaves_no_task_behind() -> None:
    before = trio.lowlevel.current_statistics().tasks_living

    def begin(root: Probe) -> None:
        _family(root)
        root.later(60, "never")
        root.background(trio.sleep_forever)

    async with run_actor(lambda: Probe([], on_start=begin)):
        await wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living > before + 5
    assert trio.lowlevel.current_statistics().tasks_living == before


async def test_an_error_in_the_block_stops_the_tree_in_order_and_is_raised_as_it_is() -> None:
    log: Log = []

    async def live() -> None:
        async with run_actor(lambda: Probe(log, on_start=_family)):
            log.clear()
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await live()
    assert log == [f"{name} stops" for name in LAST_FIRST]


async def test_a_root_that_stops_itself_leaves_the_block_running() -> None:
    async with run_actor(lambda: Probe([])) as ref:
        ref.tell(Do(lambda actor: actor.stop()))
        assert (await ref.ended()).reason is Reason.NORMAL
        await wait_all_tasks_blocked()
        assert (await ref.ended()).ref is ref


async def test_cancelling_what_is_around_passes_through_and_ends_everything() -> None:
    log: Log = []
    refs: list[Ref[object]] = []
    after = False
    with trio.CancelScope() as scope:
        async with run_actor(lambda: Probe(log, on_start=_family)) as ref:
            refs.append(ref)
            await wait_all_tasks_blocked()
            scope.cancel()
            await trio.sleep_forever()
        after = True
    assert scope.cancelled_caught
    assert not after
    assert (await refs[0].ended()).reason is Reason.KILLED
    # What does not wait in `stopping` is done, the parent's after its children's.
    stops = [each for each in log if each.endswith("stops")]
    assert len(stops) == 6
    assert stops[-1] == "root stops"
    assert stops.index("a1 stops") < stops.index("a stops")


async def test_cancellation_and_errors_while_it_unwinds_are_both_told(
    autojump_clock: MockClock,
) -> None:
    failures = Failures()

    async def fail_when_cancelled() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("while unwinding")

    def begin(root: Probe) -> None:
        root.background(fail_when_cancelled)

    with trio.move_on_after(1) as scope:
        async with run_actor(lambda: Probe([], on_start=begin), on_failure=failures):
            await trio.sleep_forever()
    assert scope.cancelled_caught
    (path, error) = failures.seen[0]
    assert path == "root"
    assert "while unwinding" in repr(error)


async def test_a_watcher_is_told_once_of_an_end_to_come_and_of_one_that_has_been() -> None:
    ends: list[Ended] = []

    def begin(root: Probe) -> None:
        child = root.add("child")
        root.watch(child, ends.append)
        child.tell(Do(lambda self: self.stop()))

    async with run_actor(lambda: Probe([], on_start=begin)) as root:
        await wait_all_tasks_blocked()
        assert [end.reason for end in ends] == [Reason.NORMAL]
        root.tell(Do(lambda actor: actor.watch(ends[0].ref, ends.append)))
        await wait_all_tasks_blocked()
        assert ends == [ends[0], ends[0]]


async def test_what_makes_the_message_of_a_watch_fails_the_watcher_not_the_watched() -> None:
    failures = Failures()

    def no_message(ended: Ended) -> object:
        raise ValueError(f"no message for {ended.reason.value}")

    def begin(root: Probe) -> None:
        watched = root.add("watched")
        root.add("watcher", on_start=lambda watcher: watcher.watch(watched, no_message))
        watched.tell(Do(lambda self: self.stop()))

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=failures):
        await wait_all_tasks_blocked()
        assert failures.texts == [("root/watcher", "no message for normal")]


async def test_tools_work_only_while_the_actor_runs() -> None:
    probe = Probe([])
    with pytest.raises(NotHere, match="does not run yet"):
        probe.stop()
    async with run_actor(lambda: probe):
        with pytest.raises(NotHere, match="a factory has to make a new actor"):
            async with run_actor(lambda: probe):
                pass
    with pytest.raises(NotHere, match="is ending and starts no child 'late'"):
        probe.add("late")
    with pytest.raises(NotHere, match="has ended"):
        probe.background(trio.sleep, 0)


async def test_the_root_has_a_grace_too(autojump_clock: MockClock) -> None:
    failures = Failures()

    async def live() -> None:
        async with run_actor(
            lambda: Probe([], on_stop=trio.sleep_forever), grace=3, on_failure=failures
        ) as ref:
            ref.tell(fail("early"))
            await ref.ended()

    with pytest.raises(ValueError, match="early"):
        await live()
    assert trio.current_time() == 3
    assert [type(error) for _, error in failures.seen] == [ValueError, GraceExceeded]
