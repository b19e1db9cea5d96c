"""One node of the stack: its document, its stage, its build and its instances."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, assert_never

import msgspec
from msgspec.structs import replace

from peppy.actors.kernel import Actor, ActorEnded, Promise, Ref
from peppy.actors.rules import node_stage
from peppy.actors.rules.instance_life import Hurried
from peppy.actors.stack import attending, build, counting, starting, views
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.errors import (
    AlreadyBuilt,
    BuildGivenUp,
    ContainerRefused,
    GoingDown,
    InProgress,
    NotBuilt,
    UnknownInstance,
)
from peppy.actors.stack.instance import Instance
from peppy.actors.stack.ledger import instance_key, node_record
from peppy.actors.stack.logs import job_log
from peppy.actors.stack.messages import (
    BuildStopped,
    BuildSucceeded,
    Hurry,
    InstanceChanged,
    InstanceLeft,
    NodeChanged,
    Retire,
    Retired,
)
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.recovery import FoundInstance, FoundNode
from peppy.actors.stack.site import Site
from peppy.actors.stack.undertaking_messages import Survey, Surveyed
from peppy.schema.control import (
    BuildNode,
    BuildView,
    DescribeNode,
    InstanceView,
    NodeView,
    RunNode,
    Stage,
    StopInstance,
)
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId


class BuildUnwanted(msgspec.Struct, frozen=True):
    """Whoever asked for the build does not wait for it any more."""


class BuildOver(msgspec.Struct, frozen=True):
    """The build's actor has ended, and with it everything that it had begun."""


class OrphanEnded(msgspec.Struct, frozen=True):
    """Nothing is left of an instance whose actor has failed."""

    instance_id: InstanceId


Message = (
    BuildNode
    | RunNode
    | StopInstance
    | DescribeNode
    | Survey
    | Retire
    | Hurry
    | BuildSucceeded
    | BuildStopped
    | BuildUnwanted
    | BuildOver
    | InstanceChanged
    | InstanceLeft
    | OrphanEnded
)


class Asked(msgspec.Struct):
    """A build that somebody waits for."""

    request: BuildNode
    promise: Promise[BuildView]


class Running(msgspec.Struct, frozen=True):
    """An instance that is listed."""

    ref: Ref[Any]
    plan: Plan
    view: InstanceView | None = None
    wanted: bool = True
    """Whether nobody has asked to stop it."""


class Node(Actor[Message]):
    """One entry of the stack."""

    def __init__(
        self,
        site: Site,
        entry: Entry,
        owner: Ref[NodeChanged | InstanceLeft],
        found: FoundNode | None = None,
    ) -> None:
        """`found` is what a former daemon has left of it."""
        self._site = site
        self._entry = entry
        self._owner = owner
        self._found = found
        self._stage = node_stage.StageState()
        self._artifact = entry.artifact
        self._build_log: Path | None = None
        self._job: Ref[build.Message] | None = None
        self._asked: Asked | None = None
        """Whom the present build is for."""
        self._next: Asked | None = None
        """Whom a forced build is for that waits for the present one to end."""
        self._outcome: BuildView | Exception | None = None
        self._instances: dict[InstanceId, Running] = {}
        self._starts = 0
        """How many there have been: one may have to end yet when the next has its name."""
        self._retiring: Promise[Retired] | None = None
        self._retired: list[InstanceId] = []

    def started(self) -> None:
        """Show the node as added, or as it was found."""
        if self._found is not None:
            self._resume(self._found)
        self._show()

    def _resume(self, found: FoundNode) -> None:
        if found.built:
            self._stage = node_stage.StageState(node_stage.At.READY, artifact=True)
        self._build_log = found.build_log
        for instance in found.instances:
            self._spawn(instance.record.plan, instance)

    def _spawn(self, plan: Plan, found: FoundInstance | None = None) -> Ref[Any]:
        instance_id = plan.address.instance_id
        self._starts += 1
        make = partial(Instance, self._site, plan, self.me, self._owner, found)
        ref = self.spawn(make, f"{instance_id}.{self._starts}")
        wanted = found is None or not found.record.stopping
        self._instances[instance_id] = Running(ref, plan, wanted=wanted)
        return ref

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case BuildNode():
                self._ask_build(message)
            case RunNode():
                self._run(message)
            case StopInstance():
                self._stop_instance(message)
            case DescribeNode():
                self._describe(message)
            case Survey():
                self._survey(message)
            case Retire():
                self._retire(message)
            case Hurry():
                self._hurry()
            case BuildSucceeded(outcome) | BuildStopped(outcome):
                self._outcome = outcome
            case BuildUnwanted():
                self._advance(node_stage.BuildUnwanted())
            case BuildOver():
                self._build_over()
            case InstanceChanged(view):
                self._instance_changed(view)
            case InstanceLeft(instance_id):
                self._instance_left(instance_id)
            case OrphanEnded(instance_id):
                self._owner.tell(InstanceLeft(instance_id))
                self._instance_left(instance_id)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Node {self._entry.node} {self._stage.at.value}>"

    def child_failed(self, ref: Ref[Any], error: BaseException) -> None:
        """Take a broken instance off the list once its process has ended, which outlives it."""
        del error
        for instance in self._instances.values():
            if instance.ref == ref:
                self.background(self._end_orphan, instance.plan, done=lambda left: left)
                return

    async def _end_orphan(self, plan: Plan) -> OrphanEnded:
        await attending.end_orphan(self._site, plan)
        await attending.clear(self._site, plan)
        instance_id = plan.address.instance_id
        await self._site.ledger.write_if_possible({instance_key(instance_id): None})
        return OrphanEnded(instance_id)

    def _describe(self, request: DescribeNode) -> None:
        view = views.node_info(self._entry, self._row(), self._build_log)
        if request.traffic:
            promise = self.promise(request)
            self.background(counting.answer_node, self._site, promise, view)
        else:
            self.answer(request, view)

    def _survey(self, request: Survey) -> None:
        built = self._stage.artifact  # which is there also while another build is under way
        itself = FoundNode(entry=self._entry, built=built, build_log=self._build_log, instances=())
        plans = tuple(
            each.plan
            for each in self._instances.values()
            if each.wanted and each.view is not None and each.view.is_alive
        )
        self.answer(request, Surveyed(node=itself, plans=plans))

    # Building.

    def _ask_build(self, request: BuildNode) -> None:
        if self._retiring is not None:
            self.refuse(request, GoingDown())
            return
        if self._entry.execution.container is not None:
            self.refuse(request, ContainerRefused(self._entry.node))
            return
        self._stage, actions = node_stage.step(self._stage, node_stage.BuildAsked(request.force))
        for action in actions:
            match action:
                case node_stage.RefuseBuild(at):
                    self.refuse(request, self._no_build(at, request))
                case node_stage.BeginBuild():
                    self._asked = Asked(request, self.promise(request))
                    self._begin_build(self._asked)
                case node_stage.CancelBuild():
                    self._next = Asked(request, self.promise(request))
                    self._cancel_build()
                case _:
                    assert_never(action)

    def _no_build(self, at: node_stage.At, request: BuildNode) -> PeppyError:
        if at is node_stage.At.READY:
            return AlreadyBuilt(self._entry.node)
        return InProgress(f"a build of '{self._entry.node}'", request.max_timeout)

    def _advance(self, event: node_stage.Event) -> None:
        self._stage, actions = node_stage.step(self._stage, event)
        for action in actions:
            match action:
                case node_stage.BeginBuild():
                    self._asked, self._next = self._next, None
                    if self._asked is not None:
                        self._begin_build(self._asked)
                case node_stage.CancelBuild():
                    self._cancel_build()
                case node_stage.RefuseBuild():
                    pass  # only a request can be refused
                case _:
                    assert_never(action)
        self._show()

    def _begin_build(self, asked: Asked) -> None:
        asked.promise.on_abandon(BuildUnwanted())
        home, now = self._site.home, self._site.host.clock.now()
        node = self._entry.node
        self._build_log = job_log(home.build_logs, node, now)
        self._outcome = None
        plan = build.Plan(
            node=node,
            snapshot=self._entry.snapshot,
            workspace=home.tmp / f"build_{self._site.random.randbytes(6).hex()}",
            artifact=self._artifact,
            replaces=self._stage.artifact,
            log=self._build_log,
            build_cmd=self._entry.execution.build_cmd,
            request=asked.request,
            record=node_record(self._entry, built=True, build_log=self._build_log),
        )
        self._job = self.spawn(
            lambda: build.Build(self._site, plan, self.me, asked.promise.note), "build"
        )
        self.watch(self._job, lambda _: BuildOver())
        self._show()

    def _cancel_build(self) -> None:
        if self._job is not None:
            self.stop_child(self._job)

    def _build_over(self) -> None:
        asked, outcome = self._asked, self._outcome
        self._job = self._asked = self._outcome = None
        built = isinstance(outcome, BuildView)
        if asked is not None:
            match outcome:
                case BuildView():
                    asked.promise.answer(outcome)
                case None:
                    asked.promise.refuse(BuildGivenUp(self._entry.node))
                case _:
                    asked.promise.refuse(outcome)
        self._advance(node_stage.Built() if built else node_stage.BuildEnded())
        self._end_if_retired()

    # Instances.

    def _run(self, request: RunNode) -> None:
        node, execution = self._entry.node, self._entry.execution
        try:
            if self._retiring is not None:
                raise GoingDown
            if self._stage.at is not node_stage.At.READY:
                raise NotBuilt(node, self._stage.at.value)
            arguments = starting.arguments_of(request, execution.parameters)
        except PeppyError as error:
            self.refuse(request, error)
            if request.instance_id is not None:
                self._owner.tell(InstanceLeft(request.instance_id))
            return
        plan = starting.make_plan(self._site, request, execution, self._artifact, arguments)
        self.forward(request, self._spawn(plan))

    def _stop_instance(self, request: StopInstance) -> None:
        if request.instance_id not in self._instances:
            self.refuse(request, UnknownInstance(request.instance_id, self._instances))
            return
        instance = self._instances[request.instance_id]
        self._instances[request.instance_id] = replace(instance, wanted=False)
        self.forward(request, instance.ref)

    def _instance_changed(self, view: InstanceView) -> None:
        if view.instance_id in self._instances:
            shown = replace(self._instances[view.instance_id], view=view)
            self._instances[view.instance_id] = shown
            self._show()

    def _instance_left(self, instance_id: InstanceId) -> None:
        if self._instances.pop(instance_id, None) is None:
            return
        if self._retiring is not None:
            self._retired.append(instance_id)
        self._show()
        self._end_if_retired()

    # The end.

    def _hurry(self) -> None:
        self._cancel_build()
        for instance in self._instances.values():
            instance.ref.tell(Hurried())

    def _retire(self, request: Retire) -> None:
        if self._retiring is not None:
            self.refuse(request, GoingDown())
            return
        self._retiring = self.promise(request)
        self._cancel_build()
        for instance_id, instance in self._instances.items():
            self.background(self._stop, instance.ref, StopInstance(instance_id=instance_id))
        self._end_if_retired()

    async def _stop(self, ref: Ref[Any], request: StopInstance) -> None:
        with suppress(ActorEnded):  # its end is told by itself, or by `child_failed`
            await ref.ask(request)

    def _end_if_retired(self) -> None:
        if self._retiring is None or self._instances or self._job is not None:
            return
        self._retiring.answer(Retired(self._entry.node, tuple(self._retired)))
        self.stop()

    def _row(self) -> NodeView:
        instances = tuple(i.view for i in self._instances.values() if i.view is not None)
        ready = self._stage.at is node_stage.At.READY
        path = self._artifact if ready else self._entry.snapshot
        return views.row(self._entry, Stage(self._stage.at.value), path, instances)

    def _show(self) -> None:
        self._owner.tell(NodeChanged(self._row()))
