"""Promises 1 to 3: messages."""

from functools import partial
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import Actor, ActorEnded, Ref, describe, run_actor
from tests.actors.kernel.kernel_probe import Do, Log, Please, Probe, fail


async def test_messages_of_one_sender_are_received_in_the_order_in_which_they_were_sent() -> None:
    log: Log = []
    async with run_actor(lambda: Probe(log)) as ref:
        for number in range(1000):
            ref.tell(number)
        await wait_all_tasks_blocked()
        assert log == ["root starts", *range(1000)]


async def test_the_end_of_a_child_comes_behind_its_last_words() -> None:
    log: Log = []

    def begin(parent: Probe) -> None:
        child = parent.add("child")
        parent.watch(child, lambda ended: ended.reason.value)
        child.tell(Do(lambda self: say_and_stop(parent, self)))

    def say_and_stop(parent: Probe, child: Probe) -> None:
        parent.me.tell("last words")
        child.stop()

    async with run_actor(lambda: Probe(log, on_start=begin)):
        await wait_all_tasks_blocked()
        assert [each for each in log if "child" not in each and "root" not in each] == [
            "last words",
            "normal",
        ]


async def test_receive_is_not_entered_again_by_what_it_tells_itself() -> None:
    depths: list[int] = []

    class Nested(Actor[int]):
        depth = 0

        def receive(self, message: int) -> None:
            self.depth += 1
            if message:
                self.me.tell(message - 1)
            depths.append(self.depth)
            self.depth -= 1

    async with run_actor(Nested) as ref:
        ref.tell(3)
        await wait_all_tasks_blocked()
        assert depths == [1, 1, 1, 1]


async def test_an_actor_that_floods_itself_does_not_starve_the_others() -> None:
    class Flood(Actor[int]):
        count = 0

        def receive(self, message: int) -> None:
            self.count += 1
            if self.count < 100_000:
                self.me.tell(message)

    flood = Flood()
    async with run_actor(lambda: Probe([])) as other, run_actor(lambda: flood) as ref:
        ref.tell(1)
        await other.ask(_one())
        assert 0 < flood.count < 1000


def _one() -> Please:
    return Please(lambda self, question: self.answer(question, 1))


async def test_what_is_told_to_an_actor_that_ended_is_dropped_and_counted() -> None:
    async with run_actor(lambda: Probe([])) as ref:
        ref.tell(Do(lambda self: self.stop()))
        ref.tell("too late")
        await ref.ended()
        ref.tell("much too late")
        assert ref.statistics().dropped == 2
        assert ref.statistics().received == 1


async def test_a_ref_does_not_run_any_more_once_its_actor_stops(
    autojump_clock: MockClock,
) -> None:
    async with run_actor(lambda: Probe([], on_stop=partial(trio.sleep, 1))) as ref:
        assert ref.is_running
        ref.tell(Do(lambda self: self.stop()))
        await wait_all_tasks_blocked()
        assert not ref.is_running
        assert "stopping" in describe(ref)


async def test_statistics_name_the_handler_that_took_the_most_time() -> None:
    class Sums(Actor[int | str]):
        def receive(self, message: int | str) -> None:
            if isinstance(message, int):
                sum(range(message))

    async with run_actor(Sums) as ref:
        ref.tell(200_000)
        ref.tell("quick")
        ref.tell("quick")
        await wait_all_tasks_blocked()
        numbers = ref.statistics()
        assert (numbers.received, numbers.waiting, numbers.high_water) == (3, 0, 3)
        assert numbers.busiest is not None
        assert (numbers.busiest.message, numbers.busiest.count) == ("int", 1)


async def test_a_description_shows_the_tree_with_its_names_and_states() -> None:
    def begin(root: Probe) -> None:
        root.add("camera:v1", on_start=lambda camera: camera.add("front"))

    async with run_actor(lambda: Probe([], on_start=begin), name="daemon") as ref:
        lines = describe(ref).splitlines()
    assert [line.split(" running")[0] for line in lines] == [
        "daemon#1",
        "  camera:v1#2",
        "    front#3",
    ]


async def test_a_ref_and_its_actor_show_the_path_and_the_number() -> None:
    shown: list[str] = []
    refs: list[Ref[object]] = []

    def begin(root: Probe) -> None:
        shown.append(repr(root))
        refs.append(root.add("front"))

    probe = Probe([], on_start=begin)
    assert repr(probe) == "<Probe>"
    async with run_actor(lambda: probe, name="camera:v1"):
        assert shown == ["<Probe camera:v1#1 running>"]
        assert repr(refs[0]) == "<Ref camera:v1/front#2>"
        assert len({refs[0], refs[0]}) == 1


async def test_asking_an_actor_that_failed_names_what_it_failed_with() -> None:
    caught: list[ActorEnded] = []

    async def ask_late(ref: Ref[Any]) -> None:
        await ref.ended()
        try:
            await ref.ask(_one())
        except ActorEnded as error:
            caught.append(error)

    def begin(root: Probe) -> None:
        child = root.add("child")
        root.background(ask_late, child)
        child.tell(fail("no camera"))

    async with run_actor(lambda: Probe([], on_start=begin), on_failure=lambda ref, error: None):
        await wait_all_tasks_blocked()
    assert [str(error.cause) for error in caught] == ["no camera"]
