"""The stack: which nodes there are, and who answers for what."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, assert_never

import trio
from msgspec.structs import replace

from peppy.actors.kernel import Actor, Promise, Ref
from peppy.actors.rules import fitting, graph
from peppy.actors.stack import (
    adding,
    benchmark,
    bindings,
    counting,
    locking,
    plan_shown,
    swapping,
    wiring,
)
from peppy.actors.stack.additions import Additions, entered
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.errors import AddingGivenUp, GoingDown, InProgress, NeedsConsent, Undertaken
from peppy.actors.stack.ledger import UndertakingRecord
from peppy.actors.stack.members import Members
from peppy.actors.stack.messages import (
    Hurry,
    InstanceLeft,
    NodeChanged,
    Retired,
    TakeDown,
    TakenDown,
)
from peppy.actors.stack.node import Node
from peppy.actors.stack.outcomes import (
    AddEnded,
    Done,
    Failed,
    Gone,
    NotWritten,
    RoomMade,
    Staged,
)
from peppy.actors.stack.recovery import NOTHING, Found, FoundNode
from peppy.actors.stack.retirement import Member, enter, retire, take_down
from peppy.actors.stack.site import Site
from peppy.actors.stack.stack_messages import LAST, Changes, Facts, Message, Questions, Requests
from peppy.actors.stack.undertaking import UNDOING, Undertaking
from peppy.actors.stack.undertaking_messages import (
    GiveUp,
    Swap,
    Swapped,
    SwapWritten,
    UndertakingOver,
)
from peppy.schema import control
from peppy.schema import launch as launches
from peppy.schema.errors import PeppyError
from peppy.schema.frames import Note
from peppy.schema.names import NodeId
from peppy.schema.requests import Request

A = TypeVar("A")


class Stack(Actor[Message]):
    """All the nodes of one daemon."""

    def __init__(self, site: Site, found: Found = NOTHING) -> None:
        """`found` is what a former daemon has promised."""
        self._site = site
        self._found = found
        self._members = Members(site)
        self._additions = Additions()
        self._undertaking: Ref[Any] | None = None
        """What has taken hold of the whole stack."""
        self._going_down: Promise[TakenDown] | None = None
        self._benchmark = trio.Lock()
        """Held while the stack is measured: two benchmarks would measure each other."""

    def started(self) -> None:
        """Take up what was found."""
        for found in self._found.nodes:
            self._spawn_node(found.entry, found)
            for instance in found.instances:
                instance_id = instance.record.plan.address.instance_id
                self._members.owners[instance_id] = found.entry.node
        if (record := self._found.interrupted) is not None:
            self._members.keep_names(record.plans)
            self._undertake(record)

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case Request():
                self._request(message)
            case _:
                self._hear(message)

    def _hear(self, fact: Facts) -> None:
        match fact:
            case NodeChanged(view):
                self._members.changed(view)
            case InstanceLeft(instance_id):
                self._members.owners.pop(instance_id, None)
            case Staged():
                self._admit(fact)
            case RoomMade(staged, retired):
                self._enter(staged, retired)
            case NotWritten(staged, error):
                self._additions.entering.discard(staged.entry.node)
                self._turn_away(staged, error)
            case Hurry():
                self._members.tell(fact)
            case Gone(node, then):
                self._forget(node, then)
                self._hear(then)
            case Done() | Failed():
                fact.deliver()
            case AddEnded():
                self._additions.end(fact)
            case SwapWritten():
                self._swapped(fact)
            case UndertakingOver(ref):
                self._undertaken(ref)
            case _:
                assert_never(fact)

    def __repr__(self) -> str:
        return f"<Stack of {len(self._members.present)} nodes>"

    def _request(self, request: Requests | Swap) -> None:
        try:
            if self._going_down is not None and not isinstance(request, LAST):
                raise GoingDown
            if isinstance(request, Changes):
                self._change(request)
            else:
                self._serve(request)
        except PeppyError as error:
            self.refuse(request, error)

    def _serve(self, request: Questions | Swap) -> None:
        """Do what leaves the stack as it is, or takes it out of whatever it is in."""
        members = self._members
        match request:
            case control.ListStack():
                self._list(request)
            case control.DescribeNode():
                self.forward(request, members.find(request.node, "described").ref)
            case control.DescribeWire():
                documents, rows = members.documents(), members.view().nodes
                self.answer(request, wiring.wire(self._site, documents, rows))
            case control.StopInstance():
                self.forward(request, members.owner(request.instance_id).ref)
            case control.InitNode():
                self._work(request, lambda: bindings.init(self._site, request))
            case control.SyncNode():
                self._work(request, lambda: bindings.sync(self._site, request, members.documents()))
            case control.BenchmarkStack():
                promise, view = self.promise(request), members.view()
                self.background(
                    benchmark.answer, self._site, self._benchmark, promise, request, view
                )
            case launches.PlanLaunch():
                former = dict(members.present)
                self._work(request, lambda: plan_shown.show(self._site, request, former))
            case launches.LockLaunch():
                self._work(request, lambda: locking.lock(self._site, request))
            case launches.CancelLaunch():
                if self._undertaking is not None:
                    self.forward(request, self._undertaking)
                else:
                    self.answer(request, launches.CancelView(cancelled=False))
            case Swap():
                self._swap(request)
            case TakeDown():
                self._go_down(request)
            case _:
                assert_never(request)

    def _change(self, request: Changes) -> None:
        """Do what changes the stack, unless something has taken hold of all of it."""
        if self._undertaking is not None:
            raise Undertaken
        match request:
            case control.AddNode():
                self._add(request)
            case control.BuildNode():
                self.forward(request, self._members.find(request.node, "built").ref)
            case control.RunNode():
                self._run(request)
            case control.RemoveNode():
                self._remove(request)
            case launches.Launch() | launches.ClearStack() | launches.RestartStack():
                if self._additions.entering or self._members.leaving:
                    raise InProgress("adding or removing a node", control.MAX_TIMEOUT)
                self.forward(request, self._undertake())
            case _:
                assert_never(request)

    def _work(self, request: Request[A], call: Callable[[], Awaitable[A]]) -> None:
        """Answer `request` with what `call` returns or raises, later."""
        promise = self.promise(request)
        self.background(
            call,
            done=lambda answer: Done(promise, answer),
            failed=lambda error: Failed(promise, error),
        )

    # Nodes that are there.

    def _list(self, request: control.ListStack) -> None:
        if request.traffic:
            promise = self.promise(request)
            self.background(counting.answer_stack, self._site, promise, self._members.view())
        else:
            self.answer(request, self._members.view())

    def _run(self, request: control.RunNode) -> None:
        member = self._members.find(request.node, "run")
        instance_id, warnings = self._members.admit(request, member)
        for warning in warnings:
            self.note(request, Note(stream="warning", text=warning))
        self.forward(request, member.ref, as_=replace(request, instance_id=instance_id))

    def _remove(self, request: control.RemoveNode) -> None:
        member = self._members.find(request.node, "removed")
        if member.instances and not request.stop_instances:
            raise NeedsConsent(request.node, member.instances, "removed")
        promise = self.promise(request)
        left = fitting.warnings_of_removal(request.node, self._members.documents())
        view = control.RemoveView(node=request.node, warnings=left)
        self._retire(
            member,
            None,
            lambda retired: Done(promise, replace(view, stopped=retired.stopped)),
            lambda error: Failed(promise, error),
        )

    def _retire(
        self,
        member: Member,
        successor: Entry | None,
        done: Callable[[Retired], RoomMade | Done],
        failed: Callable[[Exception], Failed | NotWritten],
    ) -> None:
        """Take `member` out of the list at once; `done` comes when nothing of it is left."""
        node = member.entry.node
        self._members.leave(node)
        self.background(
            retire,
            self._site,
            member,
            successor,
            done=lambda retired: Gone(node, done(retired)),
            failed=lambda error: Gone(node, failed(error)),
        )

    def _forget(self, node: NodeId, then: object) -> None:
        member = self._members.forget(node)
        if isinstance(then, Failed | NotWritten) and self._going_down is None:
            # Nothing was written down: it is in the stack as before, but for its instances.
            self._spawn_node(member.entry, member.without_instances())

    # The whole stack.

    def _undertake(self, interrupted: UndertakingRecord | None = None) -> Ref[Any]:
        """Let something take hold of the whole stack; nothing else changes it until that ends."""
        former = dict(self._members.present)
        ref = self.spawn(
            lambda: Undertaking(self._site, self.me, former, interrupted),
            "undertaking",
            grace=UNDOING,
        )
        self._undertaking = self._members.held_by = ref
        self.watch(ref, lambda ended: UndertakingOver(ended.ref))
        return ref

    def _undertaken(self, ref: Ref[Any]) -> None:
        if self._undertaking == ref:
            self._undertaking = self._members.held_by = None
            if self._going_down is not None:
                self._take_down(self._going_down)

    def _swap(self, swap: Swap) -> None:
        promise, members = self.promise(swap), self._members
        self.background(
            swapping.carry_out,
            self._site,
            swap,
            dict(members.present),
            tuple(members.leaving.values()),
            graph.edges(members.documents()),
            done=lambda written: SwapWritten(
                swap=swap, promise=promise, stopped=written.stopped, error=written.error
            ),
        )

    def _swapped(self, written: SwapWritten) -> None:
        members, error = self._members, written.error
        nodes = written.swap.nodes
        if error is not None:  # they are in the stack as before, but for their instances
            nodes = tuple(member.without_instances() for member in members.present.values())
        members.present.clear()
        for node in nodes:
            self._spawn_node(node.entry, node)
        members.own(written.swap.owners)
        refs = {node: member.ref for node, member in members.present.items()}
        written.promise.answer(Swapped(refs=refs, stopped=written.stopped, error=error))

    def _go_down(self, request: TakeDown) -> None:
        self._going_down = self.promise(request)
        self._additions.give_up_all(GoingDown())
        if self._undertaking is not None:
            self._undertaking.tell(GiveUp(going_down=True))
        else:
            self._take_down(self._going_down)

    def _take_down(self, promise: Promise[TakenDown]) -> None:
        self.background(
            take_down,
            dict(self._members.present),
            tuple(self._members.leaving.values()),
            graph.edges(self._members.documents()),
            done=lambda taken: Done(promise, taken),
            failed=lambda error: Failed(promise, error),
        )

    # Nodes that come.

    def _add(self, request: control.AddNode) -> None:
        source, additions = request.source, self._additions
        if (asker := additions.asker(source)) is not None:
            if not request.force:
                raise InProgress(f"adding '{source}'", control.MAX_TIMEOUT)
            additions.end(AddEnded(source, asker, AddingGivenUp(source)))
        promise = self.promise(request)
        job = self.background(
            adding.stage,
            self._site,
            request,
            self._members.documents(),
            promise.note,
            done=lambda entry: Staged(request, promise, entry),
            failed=lambda error: AddEnded(source, promise, error),
        )
        additions.begin(source, promise, job)
        promise.on_abandon(AddEnded(source, promise, AddingGivenUp(source)))

    def _admit(self, staged: Staged) -> None:
        if not self._additions.take(staged):
            self._discard(staged)
            return
        error = self._additions.why_not(staged, self._members)
        if error is not None or self._undertaking is not None:
            self._turn_away(staged, error or Undertaken())
            return
        present = self._members.present.get(staged.entry.node)
        if present is None:
            self._additions.entering.add(staged.entry.node)
            self.background(
                enter,
                self._site,
                staged.entry,
                done=lambda _: RoomMade(staged, None),
                failed=lambda error: NotWritten(staged, error),
            )
            return
        self._retire(
            present,
            staged.entry,
            lambda retired: RoomMade(staged, retired),
            lambda error: NotWritten(staged, error),
        )

    def _turn_away(self, staged: Staged, error: Exception) -> None:
        self._discard(staged)
        staged.promise.refuse(error)

    def _discard(self, staged: Staged) -> None:
        self.background(self._site.host.files.remove, staged.entry.snapshot)

    def _enter(self, staged: Staged, retired: Retired | None) -> None:
        entry = staged.entry
        self._additions.entering.discard(entry.node)
        if self._going_down is not None:  # it is written down: the next daemon has it
            staged.promise.refuse(GoingDown())
            return
        self._spawn_node(entry)
        staged.promise.answer(entered(staged, retired))

    def _spawn_node(self, entry: Entry, found: FoundNode | None = None) -> None:
        ref = self.spawn(lambda: Node(self._site, entry, self.me, found), entry.snapshot.name)
        self._members.present[entry.node] = Member(ref, entry)
