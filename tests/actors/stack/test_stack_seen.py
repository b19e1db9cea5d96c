"""What running instances say unasked and when they are asked: notices, counters, delays."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import anyio
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.host.memory_files import Directory
from peppy.actors.rules.notices import CUT_OFF, KEPT, MOST_A_MINUTE
from peppy.actors.stack.benchmark import Record
from peppy.actors.stack.counting import BUDGET
from peppy.runtime.instance_services import serve_instance
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.exchange import Exchange
from peppy.schema import control, keys
from peppy.schema.benchmark import BenchmarkView
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag, parse_node_id
from peppy.schema.notice import Notice
from peppy.schema.traffic import EndKind, EndTraffic, TrafficView
from tests.actors.stack.embedded import CORE, HOME, Embedded, Player, embedded

DEAF = Player(leaves_in=None, obeys_terminate=False)

EMITS = '{ name: "frames", qos_profile: "standard", message_format: { width: "u16" } }'

LISTED = control.ListStack(traffic=True)


def address(instance_id: str = "front", node: str = "hello") -> Address:
    return Address(CORE, Name(node), InstanceId(instance_id))


async def say(robot: Embedded, *payloads: bytes, instance_id: str = "front") -> None:
    """Have an instance send these on its key for notices."""
    transport = robot.transport()
    publisher = transport.publisher(keys.notice(address(instance_id)))
    for payload in payloads:
        publisher.put(payload)
    await wait_all_tasks_blocked()
    await transport.close()


def notice(sentence: str) -> bytes:
    return msgspec.msgpack.encode(Notice("format_mismatch", sentence))


class Counting:
    """An end that has counted something."""

    def traffic(self) -> EndTraffic:
        return EndTraffic(kind=EndKind.PUBLISHER, name="frames", messages=7, bytes=70)

    def close(self) -> None:
        """There is nothing to give back."""


@asynccontextmanager
async def runtime(
    robot: Embedded, instance_id: str = "front", node: str = "hello"
) -> AsyncGenerator[NodeRunner, None]:
    """Answer for an instance as a node's runtime does."""
    transport = robot.transport()
    runner = NodeRunner(address(instance_id, node), Tag("v1"), transport, CancellationToken())
    async with anyio.create_task_group() as tasks:
        runner.work_with(tasks)
        serve_instance(runner)
        yield runner
        tasks.cancel_scope.cancel()
    runner.close()
    await transport.close()


async def running(robot: Embedded) -> None:
    """Have an instance 'front' run, and the stack know it."""
    await robot.ready()
    await robot.run()
    await robot.listed()


async def traffic_of(robot: Embedded, instance_id: str = "front") -> TrafficView | None:
    view = await robot.ask(LISTED)
    (found,) = (
        each.traffic
        for row in view.nodes
        for each in row.instances
        if each.instance_id == instance_id
    )
    return found


# Notices.


async def test_a_notice_is_shown_and_logged(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        await say(robot, notice("the lens is dirty"))
        (instance,) = (await robot.row()).instances
        assert instance.warnings == ("the lens is dirty",)
        assert robot.text(str(HOME.stack_log)).endswith("] [warning] front: the lens is dirty\n")


async def test_a_notice_is_shown_of_the_instance_that_sent_it_and_of_no_other(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run("front")
        await robot.run("rear")
        await say(robot, notice("it is me"), instance_id="rear")
        warnings = {each.instance_id: each.warnings for each in (await robot.row()).instances}
        assert warnings == {"front": (), "rear": ("it is me",)}


async def test_a_warning_outlives_the_process_and_ends_with_the_instance(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(lasts=5.0, code=1)}) as robot:
        await robot.ready()
        await robot.run()
        await say(robot, notice("the lens is dirty"))
        await trio.sleep(10)
        (instance,) = (await robot.row()).instances
        assert (instance.state.value, len(instance.warnings)) == ("failed", 1)
        await robot.stop()
        await robot.listed()
        await robot.run()
        (instance,) = (await robot.row()).instances
        assert instance.warnings == ()


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"\xc1", msgspec.msgpack.encode(["x", 1]), b"\x91" * 100_000, notice("")],
)
async def test_what_is_no_notice_is_ignored(payload: bytes, autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        await say(robot, payload, notice("after all"))
        (instance,) = (await robot.row()).instances
        assert instance.warnings == ("after all",)
    assert robot.failures == []


async def test_a_log_that_cannot_be_written_keeps_no_notice_from_being_shown(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        robot.files.put(HOME.stack_log, Directory())
        await robot.ready()
        await robot.run()
        await say(robot, notice("the lens is dirty"), notice("the lens is hot"))
        (instance,) = (await robot.row()).instances
        assert instance.warnings == ("the lens is dirty", "the lens is hot")
    assert robot.failures == []


async def test_a_node_that_floods_is_cut_off_with_one_line(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await robot.ready()
        await robot.run()
        for number in range(10 * MOST_A_MINUTE):
            await say(robot, notice(f"notice {number}"))
        (instance,) = (await robot.row()).instances
        assert (len(instance.warnings), instance.warnings[-1]) == (KEPT, CUT_OFF)
        logged = robot.text(str(HOME.stack_log)).splitlines()
        assert sum("[warning]" in each for each in logged) == MOST_A_MINUTE + 1
        await trio.sleep(200)
        await say(robot, notice("calm again"))
        (instance,) = (await robot.row()).instances
        assert instance.warnings[-1] == "calm again"


# Counters.


async def test_a_list_with_traffic_holds_what_running_instances_have_counted(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await running(robot)
        async with runtime(robot) as runner:
            runner.add_end(Counting())
            expected = TrafficView(ends=(Counting().traffic(),))
            assert await traffic_of(robot) == expected
            info = await robot.ask(
                control.DescribeNode(node=parse_node_id("hello:v1"), traffic=True)
            )
            assert info.row.instances[0].traffic == expected
            plain = await robot.listed()
            assert plain.nodes[1].instances[0].traffic is None


async def test_who_does_not_answer_is_listed_without_counters_within_the_budget(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await robot.ready()
        for name in ("front", "rear", "silent"):
            await robot.run(name)
        async with runtime(robot, "front"), runtime(robot, "rear"):
            await robot.listed()
            begun = trio.current_time()
            view = await robot.ask(LISTED)
            assert trio.current_time() - begun == pytest.approx(BUDGET)
        told = {each.instance_id for each in view.nodes[1].instances if each.traffic is not None}
        assert told == {"front", "rear"}


async def test_an_answer_that_cannot_be_read_is_none(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await running(robot)
        transport = robot.transport()
        with closing(Exchange(transport)) as exchange:
            exchange.serve(
                keys.instance_service(address(), keys.TRAFFIC_SERVICE),
                arrived=lambda request: request.reply(b"\x91" * 100_000),
            )
            assert await traffic_of(robot) is None
        await transport.close()
    assert robot.failures == []


async def test_the_stack_answers_others_while_an_instance_keeps_it_waiting(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await running(robot)
        answered: list[float] = []

        async def ask(request: control.ListStack) -> None:
            await robot.ask(request)
            answered.append(trio.current_time())

        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, LISTED)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask, control.ListStack())
        assert [at - begun for at in answered] == pytest.approx([0.0, BUDGET])


# The benchmark.


async def linked(robot: Embedded) -> None:
    """Run an instance 'front' of `camera:v1`, and one called 'one' of a node that needs it."""
    await robot.ready("camera:v1", emits=EMITS)
    await robot.ready(
        "viewer:v1",
        needs="camera:v1",
        consumes='{ local_node_id: "camera", name: "frames" }',
    )
    await robot.run("front", "camera:v1")
    await robot.run("one", "viewer:v1")
    await robot.listed()


BENCHMARK = control.BenchmarkStack(samples=5, warmup=2, per_sample_timeout_ms=500)


async def test_a_stack_where_nothing_runs_has_no_edges(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        assert await robot.ask(BENCHMARK) == BenchmarkView()
        await robot.ready()
        assert await robot.ask(BENCHMARK) == BenchmarkView()
        assert HOME.benchmark not in robot.files.items


async def test_each_edge_is_probed_by_its_consumer(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await linked(robot)
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            view = await robot.ask(BENCHMARK)
    (edge,) = view.edges
    assert (edge.consumer, edge.producer, edge.failure) == ("one", "front", None)
    assert edge.probe is not None
    assert edge.probe.samples == 5
    assert edge.probe.p50_change is None
    assert [note.text for note in robot.notes if note.text.startswith("Probing")] == [
        "Probing viewer:v1 'one' -> camera:v1 'front'..."
    ]


async def test_an_edge_that_cannot_be_measured_says_why_and_the_others_go_on(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": Player(well=False)}) as robot:
        await linked(robot)
        await robot.run("deaf", "camera:v1")
        await robot.run("old", "viewer:v1")
        await robot.listed()
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            view = await robot.ask(BENCHMARK)
    found = {(str(edge.consumer), str(edge.producer)): edge for edge in view.edges}
    assert len(found) == 4
    assert found["one", "front"].failure is None
    unanswered = found["one", "deaf"]
    assert unanswered.failure == "no answer within 500 ms, to the first question"
    assert unanswered.probe is None
    assert found["old", "front"].failure == "'old' itself does not answer"


async def test_an_instance_that_cannot_measure_is_named_at_once(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await linked(robot)
        transport = robot.transport()
        with closing(Exchange(transport)) as exchange:
            exchange.serve(
                keys.instance_service(address("one", "viewer"), keys.HEALTH_SERVICE),
                arrived=lambda request: request.reply(b""),
            )
            begun = trio.current_time()
            (edge,) = (await robot.ask(BENCHMARK)).edges
            assert trio.current_time() - begun < 1
        await transport.close()
    assert str(edge.failure).startswith("'one' has gone, or was built for")


async def test_a_run_is_compared_with_the_one_before_on_this_machine(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await linked(robot)
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            await robot.ask(BENCHMARK)
            record = msgspec.json.decode(robot.text(str(HOME.benchmark)), type=Record)
            assert record.host_name == "robot"
            (edge,) = (await robot.ask(BENCHMARK)).edges
            assert edge.probe is not None
            assert edge.probe.p50_change is not None
            foreign = Record(host_name="another", view=record.view)
            await robot.host.files.write(HOME.benchmark, msgspec.json.encode(foreign))
            (edge,) = (await robot.ask(BENCHMARK)).edges
            assert edge.probe is not None
            assert edge.probe.p50_change is None


async def test_a_record_that_cannot_be_read_counts_as_none(autojump_clock: MockClock) -> None:
    async with embedded() as robot:
        await linked(robot)
        await robot.host.files.write(HOME.benchmark, b"{")
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            (edge,) = (await robot.ask(BENCHMARK)).edges
        assert edge.probe is not None
        assert edge.probe.p50_change is None
        assert msgspec.json.decode(robot.text(str(HOME.benchmark)), type=Record).view.edges


async def test_a_benchmark_that_nobody_waits_for_is_not_kept(autojump_clock: MockClock) -> None:
    async with embedded({"player": Player(well=False)}) as robot:
        await linked(robot)
        await robot.run("deaf", "camera:v1")
        await robot.listed()
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            with trio.move_on_after(0.2) as scope:
                await robot.ask(BENCHMARK)
            assert scope.cancelled_caught
            await trio.sleep(60)
            assert HOME.benchmark not in robot.files.items
            await robot.ask(BENCHMARK)
            assert HOME.benchmark in robot.files.items


async def test_a_run_that_measured_nothing_leaves_the_one_before_in_place(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await linked(robot)
        async with runtime(robot, "front", "camera"), runtime(robot, "one", "viewer"):
            await robot.ask(BENCHMARK)
        kept = robot.text(str(HOME.benchmark))
        (edge,) = (await robot.ask(BENCHMARK)).edges
        assert edge.failure is not None
        assert robot.text(str(HOME.benchmark)) == kept


# What the dead leave.


@pytest.mark.parametrize(("code", "sweeps"), [(0, 0), (3, 1)])
async def test_shared_memory_is_swept_when_a_process_has_not_ended_cleanly(
    autojump_clock: MockClock, code: int, sweeps: int
) -> None:
    async with embedded({"player": Player(lasts=5.0, code=code)}) as robot:
        await robot.ready()
        await robot.run()
        await trio.sleep(10)
        assert robot.sweeps == sweeps


async def test_shared_memory_is_swept_when_an_instance_had_to_be_killed(
    autojump_clock: MockClock,
) -> None:
    async with embedded({"player": DEAF}) as robot:
        await robot.ready()
        await robot.run()
        assert (await robot.stop()).forced
        assert robot.sweeps == 1


async def test_what_is_asked_of_a_stack_that_goes_down_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with embedded() as robot:
        await linked(robot)
        await robot.take_down()
        with pytest.raises(PeppyError, match="going down"):
            await robot.ask(BENCHMARK)
