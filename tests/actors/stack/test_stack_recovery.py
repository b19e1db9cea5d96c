"""A daemon that is killed at every durable step in turn: what the next one makes of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.rules.graph import dependents_first
from peppy.actors.stack.ledger import Ledger
from peppy.schema import control
from peppy.schema.control import Edge, InstanceState, Stage
from peppy.schema.errors import PeppyError
from peppy.schema.events import EventKind
from peppy.schema.names import InstanceId, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.actors.stack.embedded import DAEMON_INSTANCE, HOME, Player
from tests.actors.stack.mortal import MortalRobot

HELLO = parse_node_id("hello:v1")
OTHER = parse_node_id("other:v1")
OVER = (InstanceState.FINISHED, InstanceState.FAILED)


@dataclass
class Promises:
    """What a history was told: what is certain, and what was under way when the daemon died."""

    nodes: dict[str, bool] = field(default_factory=dict[str, bool])
    """By name and tag; whether it is built."""
    instances: set[str] = field(default_factory=set[str])
    doubtful_nodes: set[str] = field(default_factory=set[str])
    doubtful_instances: set[str] = field(default_factory=set[str])


class History:
    """Requests one after the other; each is doubtful until it is answered."""

    def __init__(self, robot: MortalRobot) -> None:
        self.robot = robot
        self.promised = Promises()

    async def live(self) -> None:
        """Make all of them."""
        await self._node("hello:v1", lambda: self.robot.add("hello:v1"), built=False)
        await self._node("hello:v1", lambda: self.robot.build("hello:v1"), built=True)
        await self._start("front")
        await self._start("rear")
        await self._node("other:v1", lambda: self.robot.add("other:v1"), built=False)
        await self._node("other:v1", lambda: self.robot.build("other:v1"), built=True)
        await self._start("third", "other:v1")
        await self._stop("rear")
        await self._replace()
        await self._remove()

    async def _node(self, node: str, call: Callable[[], Awaitable[object]], *, built: bool) -> None:
        self.promised.doubtful_nodes.add(node)
        await call()
        self.promised.nodes[node] = built
        self.promised.doubtful_nodes.discard(node)

    async def _start(self, instance: str, node: str = "hello:v1") -> None:
        self.promised.doubtful_instances.add(instance)
        await self.robot.run(instance, node)
        self.promised.instances.add(instance)
        self.promised.doubtful_instances.discard(instance)

    async def _stop(self, instance: str) -> None:
        self.promised.doubtful_instances.add(instance)
        await self.robot.stop(instance)
        self.promised.instances.discard(instance)
        self.promised.doubtful_instances.discard(instance)

    async def _replace(self) -> None:
        promised = self.promised
        promised.doubtful_nodes.add("hello:v1")
        promised.doubtful_instances.add("front")
        source = self.robot.source("hello:v1")
        await self.robot.ask(control.AddNode(source=str(source), stop_instances=True))
        promised.nodes["hello:v1"] = False
        promised.instances.discard("front")
        promised.doubtful_nodes.discard("hello:v1")
        promised.doubtful_instances.discard("front")

    async def _remove(self) -> None:
        promised = self.promised
        promised.doubtful_nodes.add("other:v1")
        promised.doubtful_instances.add("third")
        await self.robot.ask(control.RemoveNode(node=OTHER, stop_instances=True))
        del promised.nodes["other:v1"]
        promised.instances.discard("third")
        promised.doubtful_nodes.discard("other:v1")
        promised.doubtful_instances.discard("third")


async def check(robot: MortalRobot, promised: Promises) -> None:
    """See that the daemon has what was promised, and nothing else lives or lies about."""
    view = await robot.listed()
    rows = {str(row.node): row for row in view.nodes[1:]}
    instances = {str(i.instance_id): i for row in rows.values() for i in row.instances}
    certain = {n: b for n, b in promised.nodes.items() if n not in promised.doubtful_nodes}
    for node, built in certain.items():
        assert (rows[node].stage is Stage.READY) is built
    assert set(rows) <= set(certain) | promised.doubtful_nodes
    live = promised.instances - promised.doubtful_instances
    assert {n for n, i in instances.items() if i.state is InstanceState.RUNNING} >= live
    assert set(instances) <= live | promised.doubtful_instances
    running = {n for n, i in instances.items() if i.state not in OVER}
    assert robot.living == {f"{DAEMON_INSTANCE}/{name}" for name in running}
    assert robot.workspaces == set()
    assert robot.names(HOME.instances) == set(instances)
    kept = {row.path.rpartition("/")[2] for row in rows.values()}
    artifacts = {f"{row.node.name}_{row.node.tag}.tar.zst" for row in rows.values()}
    lying = robot.names(HOME.built_nodes)
    assert kept <= lying
    assert len(lying) <= 2 * len(rows)
    assert {name for name in lying if name.endswith(".zst")} <= artifacts


async def replayed(robot: MortalRobot) -> None:
    """See that the journal says what the list shows."""
    view = await robot.listed()
    records = await Ledger(robot.journal, robot.host.clock, lambda _: None).load()
    rows = {str(row.node): row for row in view.nodes[1:]}
    assert set(records.nodes) == set(rows)
    for name, record in records.nodes.items():
        assert record.built is (rows[name].stage is Stage.READY)
    assert set(records.instances) == {i.instance_id for row in rows.values() for i in row.instances}


async def steps_of_the_history() -> int:
    robot = MortalRobot()
    async with robot.daemon() as life:
        await History(robot).live()
        await wait_all_tasks_blocked()
        return life.steps


STEPS = trio.run(steps_of_the_history, clock=MockClock(autojump_threshold=0))


def test_the_history_has_many_durable_steps() -> None:
    assert STEPS > 60


# After one step is nearly before the next: the second half goes with the tests that wait.
@pytest.mark.parametrize(
    "after",
    [pytest.param(False, id="before"), pytest.param(True, id="after", marks=pytest.mark.e2e)],
)
@pytest.mark.parametrize("step", range(1, STEPS + 1))
async def test_what_was_promised_survives_a_daemon_that_dies_at_any_step(
    autojump_clock: MockClock, step: int, after: bool
) -> None:
    robot = MortalRobot()
    history = History(robot)

    async def work() -> None:
        await history.live()
        await trio.sleep(1)

    await robot.live_until(step, work, after=after)
    async with robot.daemon():
        await trio.sleep(20)  # for what is still being ended
        await check(robot, history.promised)
        await replayed(robot)
        for name in await robot.states("hello:v1") if "hello:v1" in history.promised.nodes else ():
            await robot.stop(name)
        await robot.take_down()
        assert robot.living == set()
    assert robot.failures == []


async def test_an_instance_lives_on_with_its_id_its_pid_and_its_log(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"player": Player(prints=("one", "two", "three"), every=1.0)})
    async with robot.daemon() as life:
        await robot.ready()
        started = await robot.run()
        life.kill()
        await trio.sleep_forever()
    async with robot.daemon():
        begun = trio.current_time()
        (instance,) = (await robot.row()).instances
        assert trio.current_time() - begun < 2
        assert (instance.instance_id, instance.pid) == ("front", started.pid)
        assert instance.state is InstanceState.RUNNING
        log = robot.text(instance.log)
        assert [log.count(word) for word in ("one", "two", "three")] == [1, 1, 1]
        stopped = await robot.stop()
        assert (stopped.forced, robot.living) == (False, set())
    kinds = [event.kind for event in robot.journal.log]
    assert kinds[-2:] == [EventKind.ADOPTED, EventKind.STOPPED]


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (3, "failed")])
async def test_an_end_while_no_daemon_was_there_is_noticed(
    autojump_clock: MockClock, code: int, state: str
) -> None:
    robot = MortalRobot({"player": Player(lasts=10.0, code=code)})
    async with robot.daemon() as life:
        await robot.ready()
        await robot.run()
        life.kill()
        await trio.sleep_forever()
    await trio.sleep(60)
    async with robot.daemon():
        assert await robot.states() == {"front": state}
        (instance,) = (await robot.row()).instances
        assert instance.ended == f"exit code {code}"
        await robot.stop()
        assert await robot.states() == {}


async def test_after_the_machine_was_started_anew_nothing_is_signalled_and_all_is_said(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot()
    async with robot.daemon() as life:
        await robot.ready()
        await robot.run()
        life.kill()
        await trio.sleep_forever()
    robot.processes.reboot()
    async with robot.daemon():
        (instance,) = (await robot.row()).instances
        assert (instance.state, instance.ended) == (InstanceState.FAILED, "nobody there to see it")
        await robot.stop()
        assert await robot.states() == {}
        await robot.run()
        assert await robot.states() == {"front": "running"}


async def test_an_end_that_a_dead_daemon_missed_is_followed_by_the_restart_that_was_wanted(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"player": Player(lasts=10.0, code=1)})
    policy = RestartPolicy(mode=RestartMode.ON_FAILURE, limit=1)
    async with robot.daemon() as life:
        await robot.ready()
        name = InstanceId("front")
        await robot.ask(control.RunNode(node=HELLO, instance_id=name, restart=policy))
        life.kill()
        await trio.sleep_forever()
    await trio.sleep(60)
    async with robot.daemon():
        await trio.sleep(5)
        (instance,) = (await robot.row()).instances
        assert (instance.state, instance.restarts) == (InstanceState.RUNNING, 1)
        await trio.sleep(60)
        assert await robot.states() == {"front": "failed"}
    assert EventKind.GIVEN_UP in [event.kind for event in robot.journal.log]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", [1, 2])
async def test_a_daemon_that_dies_between_an_end_and_its_restart_loses_neither(
    autojump_clock: MockClock, step: int, *, after: bool
) -> None:
    robot = MortalRobot({"player": Player(lasts=10.0, code=1)})
    policy = RestartPolicy(mode=RestartMode.ON_FAILURE, limit=1)
    async with robot.daemon() as life:
        await robot.ready()
        name = InstanceId("front")
        await robot.ask(control.RunNode(node=HELLO, instance_id=name, restart=policy))
        life.end_at(life.steps + step, after=after)
        await trio.sleep_forever()
    async with robot.daemon():
        await trio.sleep(5)
        (instance,) = (await robot.row()).instances
        assert (instance.state, instance.restarts) == (InstanceState.RUNNING, 1)
        await trio.sleep(60)
        assert await robot.states() == {"front": "failed"}
    assert EventKind.GIVEN_UP in [event.kind for event in robot.journal.log]


async def test_a_restart_that_was_waited_for_comes_from_the_next_daemon(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot({"player": Player(lasts=10.0, code=1)})
    policy = RestartPolicy(mode=RestartMode.ALWAYS)
    async with robot.daemon() as life:
        await robot.ready()
        name = InstanceId("front")
        await robot.ask(control.RunNode(node=HELLO, instance_id=name, restart=policy))
        await trio.sleep(10.5)
        assert await robot.states() == {"front": "failed"}
        life.kill()
        await trio.sleep_forever()
    async with robot.daemon():
        assert await robot.states() == {"front": "failed"}
        await trio.sleep(2)
        assert await robot.states() == {"front": "running"}
        assert not (await robot.stop()).forced
        await trio.sleep(60)
        assert (await robot.states(), robot.living) == ({}, set())


async def test_a_record_that_cannot_be_read_is_forgotten_with_a_word(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot()
    async with robot.daemon():
        await robot.ready()
    robot.journal.records["instance/ghost"] = b"\xc1 nonsense"
    robot.journal.records["node/gone:v1"] = robot.journal.records["node/hello:v1"]
    async with robot.daemon():
        assert await robot.nodes() == [HELLO]
        await replayed(robot)
    warnings = [e.text for e in robot.journal.log if e.kind is EventKind.WARNING]
    assert len(warnings) == 2
    assert "'instance/ghost' cannot be read" in warnings[0]
    assert "node 'gone:v1' is lost" in warnings[1]


async def test_a_full_disk_refuses_an_addition_and_keeps_nothing_of_it(
    autojump_clock: MockClock,
) -> None:
    robot = MortalRobot()
    async with robot.daemon():
        robot.journal.full = True
        error = await robot.refused(control.AddNode(source=str(robot.source())))
        assert "no space" in error.sentence
        assert (await robot.nodes(), robot.names(HOME.built_nodes)) == ([], set())
        robot.journal.full = False
        await robot.ready()
        robot.journal.full = True
        refused = await robot.refused(control.RunNode(node=HELLO))
        assert isinstance(refused, PeppyError)
        assert robot.living == set()


def test_whoever_needs_another_node_is_stopped_before_it() -> None:
    a, b, c = (parse_node_id(f"{name}:v1") for name in "abc")
    edges = [Edge(a, b), Edge(b, c)]
    assert dependents_first([c, b, a], edges) == [(a,), (b,), (c,)]
    assert dependents_first([a, b, c], []) == [(a, b, c)]
    assert dependents_first([a, b], [Edge(a, b), Edge(b, a)]) == [(a, b)]
