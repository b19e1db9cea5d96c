"""One robot through one seeded schedule, and what always holds: on the way, and once all is quiet.

The seed decides what happens and in which order Trio runs what could run, so a seed that fails
fails each time.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import trio

from peppy.actors.host.memory_processes import Program
from peppy.actors.host.memory_processes import Stage as Scene
from peppy.actors.host.ports import HostError
from peppy.actors.kernel import ActorEnded
from peppy.actors.stack import bindings
from peppy.actors.stack.errors import BuildFailed, InstanceExists
from peppy.actors.stack.ledger import Ledger
from peppy.actors.stack.plan import process_record
from peppy.schema import control
from peppy.schema import launch as launches
from peppy.schema.control import InstanceState, InstanceView, NodeView, StackView, Stage
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId
from peppy.schema.node import NodeDocument
from peppy.testing.stack.seeds import run_seeded
from tests.actors.stack.acknowledged import Acknowledged, Operation
from tests.actors.stack.embedded import DAEMON_INSTANCE, HOME, Part
from tests.actors.stack.launches import deployment, write_launcher
from tests.actors.stack.mortal import MortalRobot
from tests.actors.stack.schedules import (
    PARTS,
    PATIENT,
    STEADY,
    Stretch,
    launched_nodes,
    schedule,
)
from tests.actors.stack.test_stack_histories import OVER, Asking

SETTLED = 45.0
"""Seconds after which nothing happens any more: two restarts of what ends at once, and a stop."""


@dataclass(frozen=True)
class Explored:
    """What one seed has gone through."""

    steps: int
    """Durable ones, of all its daemons."""
    trace: tuple[str, ...]
    """What happened, as it went to the event log."""


class Robot(MortalRobot):
    """A machine that is looked at after each durable step."""

    def __init__(self) -> None:
        self.alive: dict[int, str] = {}
        """Tokens of the processes that run."""
        self.programs: dict[str, str] = {}
        """What was started last under each token."""
        self.violations: list[str] = []
        self.steps = 0
        self._numbers = count()
        super().__init__(PARTS)

    def _program(self, part: Part) -> Program:
        play = super()._program(part)

        async def observed(scene: Scene) -> int:
            token, number = scene.command.token, next(self._numbers)
            if scene.command.record is not None and token in self.alive.values():
                self.violations.append(f"'{token}' runs twice")
            self.alive[number] = token
            self.programs[token] = scene.command.argv[0]
            try:
                return await play(scene)
            finally:
                del self.alive[number]

        return observed

    def stepped(self) -> None:
        """See that whatever runs stands in the journal, with a record of its process."""
        self.steps += 1
        for token in self.alive.values():
            name = token.removeprefix(f"{DAEMON_INSTANCE}/")
            if name.startswith("build/"):
                continue
            if f"instance/{name}" not in self.journal.records:
                self.violations.append(f"'{name}' runs and stands in no journal")
            if HOME.runtime / process_record(InstanceId(name)) not in self.files.items:
                self.violations.append(f"'{name}' runs and has no process record")

    def running(self, name: str) -> set[int]:
        """Return the processes of an instance."""
        return {n for n, token in self.alive.items() if token == f"{DAEMON_INSTANCE}/{name}"}


class World:
    """One robot, and those who ask it."""

    def __init__(self, stretches: tuple[Stretch, ...]) -> None:
        self.robot = Robot()
        self.told = Acknowledged()
        self._stretches = stretches

    async def live(self) -> Explored:
        """Go through everything; raises `AssertionError` where something does not hold."""
        robot = self.robot
        for stretch in self._stretches:
            async with trio.open_nursery() as askers:
                # They outlive the daemon: in which order Trio cancels tasks, no seed decides.
                work = partial(self._ask_all, stretch, askers)
                await robot.live_until(stretch.dies_at, work, after=stretch.after)
                askers.cancel_scope.cancel()
            self.told.daemon_died()
            if stretch.reboot:
                robot.processes.reboot()
            await trio.sleep(stretch.away)
        robot.journal.full = False
        seen = await self._settle()
        await self._again(seen)
        assert robot.violations == []
        # A build may fail in the instant in which it is ended: its last word is then reported.
        last_words = (BuildFailed, HostError)
        assert [error for error in robot.failures if not isinstance(error, last_words)] == []
        events = tuple(f"{e.at:.3f} {e.kind} {e.text}" for e in robot.journal.log)
        return Explored(robot.steps, events)

    async def _ask_all(self, stretch: Stretch, askers: trio.Nursery) -> None:
        if stretch.full is not None:
            askers.start_soon(self._fill, *stretch.full)
        for asking in stretch.askings:
            askers.start_soon(self._ask, asking)
        await trio.sleep(stretch.lasts)
        self.robot.life.kill()

    async def _fill(self, begin: float, end: float) -> None:
        await trio.sleep(begin)
        self.robot.journal.full = True
        await trio.sleep(end - begin)
        self.robot.journal.full = False

    async def _ask(self, asking: Asking) -> None:
        robot, request = self.robot, asking.request
        if asking.at:
            await trio.sleep(asking.at)
        free = self.told.free()
        operation = self.told.begin(request)
        if isinstance(request, control.AddNode):
            robot.source(str(operation.node), build=asking.build, run=asking.run)
        if isinstance(request, launches.Launch):
            self._write_launcher(request, asking)
        stopping = isinstance(request, control.StopInstance)
        before = robot.running(str(operation.instance_id)) if stopping else set[int]()
        answer: object = None
        refusal: PeppyError | None = None
        with trio.move_on_after(asking.patience) as patience:
            try:
                answer = await robot.stack.ask(request)
            except PeppyError as error:
                refusal = error
            except ActorEnded:
                assert robot.life.dead, f"{request} was given up"
        if robot.life.dead:
            return
        if patience.cancelled_caught:
            assert asking.patience < PATIENT, f"{request} was never answered"
            return
        assert refusal is None or refusal.kind != "bug", refusal
        if isinstance(refusal, InstanceExists) and operation.instance_id in free:
            assert self.told.overlapped(operation), refusal
        self.told.end(operation, answer, refusal)
        if refusal is None:
            left = before & set(robot.alive)
            assert not left, f"{request} was answered, and its process lives"
        if isinstance(answer, control.StopView) and operation.begun % 3 == 0:
            again = control.RunNode(
                node=answer.node, instance_id=answer.instance_id, idle_timeout=5.0
            )
            await self._ask(replace(asking, request=again, at=0.0, patience=PATIENT))

    def _write_launcher(self, request: launches.Launch, asking: Asking) -> None:
        nodes = launched_nodes(request)
        sources = [
            self.robot.source(str(node), build=asking.build, run=asking.run) for node in nodes
        ]
        names = ("front", "rear")
        deployments = [deployment(each, names[i]) for i, each in enumerate(sources)]
        write_launcher(self.robot, deployments, Path(request.launcher).stem)

    # What holds in the end.

    async def _settle(self) -> StackView:
        async with self.robot.daemon() as life:
            await trio.sleep(SETTLED)
            view = await self.robot.listed()
            self._check_acknowledged(view)
            self._check_disk(view)
            await self._check_replay(view)
            life.kill()
            await trio.sleep_forever()
        return view

    async def _again(self, seen: StackView) -> None:
        """See that the next daemon shows the same, and that nothing is left once it is told to."""
        robot = self.robot
        async with robot.daemon():
            await trio.sleep(0.1)
            view = await robot.listed()
            assert _steady(view) == _steady(seen)
            await robot.take_down()
            assert robot.alive == {}
            assert (robot.workspaces, robot.instance_directories) == (set(), set())
            left = [key for key in robot.journal.records if key.startswith("instance/")]
            assert left == []

    def _check_acknowledged(self, view: StackView) -> None:
        rows = {row.node: row for row in view.nodes[1:]}
        if (launched := self.told.launched()) is not None:
            assert set(rows) == set(launched_nodes(launched))
            assert all(len(row.instances) == 1 for row in rows.values())
        for node, request in self.told.nodes().items():
            if isinstance(request, control.RemoveNode):
                assert node not in rows, f"{node} was removed, and is there"
            else:
                built = isinstance(request, control.BuildNode)
                assert node in rows, f"{node} was added, and is not there"
                assert (rows[node].stage is Stage.READY) is built, f"{request}: {rows[node]}"
        listed = {i.instance_id: i for row in rows.values() for i in row.instances}
        for name, operation in self.told.instances().items():
            if isinstance(operation.request, control.StopInstance):
                assert name not in listed, f"'{name}' was stopped, and is listed"
            else:
                assert name in listed, f"'{name}' was started, and is not listed"
                self._check_started(listed[name], operation)

    def _check_started(self, view: InstanceView, operation: Operation) -> None:
        """See that what was started goes on as the process that it was."""
        assert isinstance(operation.answer, control.StartView)
        assert isinstance(operation.request, control.RunNode)
        steady = self.robot.programs[f"{DAEMON_INSTANCE}/{view.instance_id}"] in STEADY
        bears_it = operation.request.restart.hung_after is None
        nothing_else = not any(s.reboot or s.away > 100.0 for s in self._stretches)
        if steady and bears_it and nothing_else:
            assert view.state is InstanceState.RUNNING, view
            assert view.pid == operation.answer.pid, view

    def _check_disk(self, view: StackView) -> None:
        robot, rows = self.robot, view.nodes[1:]
        names = [i.instance_id for row in rows for i in row.instances]
        assert len(names) == len(set(names)), "an instance has two owners"
        live = [i.instance_id for row in rows for i in row.instances if i.state not in OVER]
        assert sorted(robot.alive.values()) == sorted(f"{DAEMON_INSTANCE}/{n}" for n in live)
        assert robot.workspaces == set()
        assert robot.names(HOME.instances) <= set(names)
        kept = {process_record(n) for n in names} | {f"runtime_config_{n}.json5" for n in names}
        assert robot.names(HOME.runtime) <= kept
        lying = {HOME.built_nodes / name for name in robot.names(HOME.built_nodes)}
        assert lying == {path for row in rows for path in _paths(row)}

    async def _check_replay(self, view: StackView) -> None:
        """See that the journal says what the list shows."""
        records = await Ledger(self.robot.journal, self.robot.host.clock, lambda _: None).load()
        assert records.unreadable == ()
        rows = {str(row.node): row for row in view.nodes[1:]}
        assert {n: r.built for n, r in records.nodes.items()} == {
            n: row.stage is Stage.READY for n, row in rows.items()
        }
        listed = {str(i.instance_id): i for row in rows.values() for i in row.instances}
        assert set(records.instances) == set(listed)
        for name, record in records.instances.items():
            assert record.plan.node == listed[name].node
            assert record.running
            assert (record.ending is not None) is (listed[name].state in OVER)
            assert record.course.restarts == listed[name].restarts


def _paths(row: NodeView) -> list[Path]:
    snapshot = Path(row.config_path).parent
    return [snapshot, Path(row.path)] if row.stage is Stage.READY else [snapshot]


def _steady(view: StackView) -> dict[str, object]:
    """Return what a new daemon has to show as well."""
    nodes: dict[str, object] = {str(r.node): (r.stage, r.path, r.config_path) for r in view.nodes}
    nodes.pop(view.core_node, None)
    for row in view.nodes:
        for each in row.instances:
            nodes[each.instance_id] = (each.state, each.pid, each.ended, each.restarts)
    return nodes


def explore(seed: int) -> Explored:
    """Go through the schedule of this seed; raises `AssertionError` where something is wrong."""

    async def live() -> Explored:
        return await World(schedule(seed)).live()

    with _thin_bindings():
        return run_seeded(live, seed)


@contextmanager
def _thin_bindings() -> Generator[None, None, None]:
    """Have bindings generated that are only as much as the stack looks at: they take most time."""
    module: Any = bindings
    whole = module.generate

    def thin(document: NodeDocument, known: bindings.Documents) -> dict[str, str]:
        del known
        return {bindings.FINGERPRINT: document.sha256}

    module.generate = thin
    try:
        yield
    finally:
        module.generate = whole
