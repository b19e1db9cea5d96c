"""The stack: which nodes there are, and who answers for what."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar, assert_never

import trio
from msgspec.structs import replace

from peppy.actors.kernel import Actor, Background, Promise
from peppy.actors.rules import graph
from peppy.actors.stack import adding, benchmark, bindings, counting, views, wiring
from peppy.actors.stack.entry import Entry
from peppy.actors.stack.errors import (
    AddingGivenUp,
    CoreNodeRefused,
    GoingDown,
    InProgress,
    InstanceExists,
    Leaving,
    NeededByOthers,
    NeedsConsent,
    UnknownInstance,
    UnknownNode,
)
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
from peppy.actors.stack.recovery import FoundNode
from peppy.actors.stack.retirement import Member, enter, retire, take_down
from peppy.actors.stack.site import Site
from peppy.actors.stack.stack_messages import Message, Requests
from peppy.schema.control import (
    MAX_TIMEOUT,
    AddNode,
    AddView,
    BenchmarkStack,
    BuildNode,
    DescribeNode,
    DescribeWire,
    InitNode,
    ListStack,
    NodeView,
    RemoveNode,
    RemoveView,
    RunNode,
    StackView,
    StopInstance,
    SyncNode,
)
from peppy.schema.errors import PeppyError
from peppy.schema.generated_names import generate_instance_id
from peppy.schema.names import InstanceId, NodeId, parse_instance_id
from peppy.schema.node import NodeDocument
from peppy.schema.requests import Request

A = TypeVar("A")


class Stack(Actor[Message]):
    """All the nodes of one daemon."""

    def __init__(self, site: Site, found: Sequence[FoundNode] = ()) -> None:
        """`found` is what a former daemon has promised."""
        self._site = site
        self._found = found
        self._members: dict[NodeId, Member] = {}
        self._leaving: dict[NodeId, Member] = {}
        """Nodes that are being taken out: not listed, but not gone."""
        self._owners: dict[InstanceId, NodeId] = {}
        self._entering: set[NodeId] = set()
        """Nodes whose addition is being written down."""
        self._adding: dict[str, tuple[Promise[AddView], Background]] = {}
        self._going_down = False
        self._benchmark = trio.Lock()
        """Held while the stack is measured: two benchmarks would measure each other."""

    def started(self) -> None:
        """Take up what was found."""
        for found in self._found:
            self._spawn_node(found.entry, found)
            for instance in found.instances:
                self._owners[instance.record.plan.address.instance_id] = found.entry.node

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case ListStack():
                self._list(message)
            case Request():
                self._request(message)
            case NodeChanged(view):
                self._node_changed(view)
            case InstanceLeft(instance_id):
                self._owners.pop(instance_id, None)
            case Staged():
                self._admit(message)
            case RoomMade(staged, retired):
                self._enter(staged, retired)
            case NotWritten(staged, error):
                self._entering.discard(staged.entry.node)
                self._turn_away(staged, error)
            case Hurry():
                for member in (*self._members.values(), *self._leaving.values()):
                    member.ref.tell(message)
            case Gone(node, then):
                self._forget(node, then)
                self.receive(then)
            case Done() | Failed():
                message.deliver()
            case AddEnded():
                self._end_adding(message)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Stack of {len(self._members)} nodes>"

    def _request(self, request: Requests) -> None:
        if self._going_down:
            self.refuse(request, GoingDown())
            return
        try:
            self._serve(request)
        except PeppyError as error:
            self.refuse(request, error)

    def _serve(self, request: Requests) -> None:
        match request:
            case DescribeNode() | BuildNode():
                self.forward(request, self._member(request.node, "built or described").ref)
            case DescribeWire():
                self.answer(request, wiring.wire(self._site, self._documents(), self._view().nodes))
            case RunNode():
                self._run(request)
            case StopInstance():
                self._stop_instance(request)
            case RemoveNode():
                self._remove(request)
            case AddNode():
                self._add(request)
            case InitNode():
                self._work(request, lambda: bindings.init(self._site, request))
            case SyncNode():
                known = self._documents()
                self._work(request, lambda: bindings.sync(self._site, request, known))
            case BenchmarkStack():
                promise = self.promise(request)
                self.background(
                    benchmark.answer, self._site, self._benchmark, promise, request, self._view()
                )
            case TakeDown():
                self._take_down(request)
            case ListStack():
                self._list(request)
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

    def _list(self, request: ListStack) -> None:
        if request.traffic:
            promise = self.promise(request)
            self.background(counting.answer_stack, self._site, promise, self._view())
        else:
            self.answer(request, self._view())

    def _view(self) -> StackView:
        rows = [member.view for member in self._members.values() if member.view is not None]
        return StackView(
            core_node=self._site.core_node,
            nodes=(views.core_node(self._site), *rows),
            dependencies=graph.edges(self._documents()),
        )

    def _node_changed(self, view: NodeView) -> None:
        for members in (self._members, self._leaving):
            if view.node in members:
                members[view.node] = replace(members[view.node], view=view)

    def _documents(self) -> Mapping[NodeId, NodeDocument]:
        return {node: member.entry.document for node, member in self._members.items()}

    def _member(self, node: NodeId, verb: str) -> Member:
        if node.name == self._site.core_node:
            raise CoreNodeRefused(verb)
        if node not in self._members:
            raise UnknownNode(node, self._members)
        return self._members[node]

    def _run(self, request: RunNode) -> None:
        member = self._member(request.node, "run")
        wanted = request.instance_id
        instance_id = self._new_instance_id() if wanted is None else parse_instance_id(wanted)
        if instance_id in self._owners:
            raise InstanceExists(instance_id, self._owners[instance_id])
        self._owners[instance_id] = request.node
        self.forward(request, member.ref, as_=replace(request, instance_id=instance_id))

    def _new_instance_id(self) -> InstanceId:
        while True:
            instance_id = generate_instance_id(self._site.random)
            if instance_id not in self._owners:
                return instance_id

    def _stop_instance(self, request: StopInstance) -> None:
        if request.instance_id in (self._site.daemon_instance, self._site.core_node):
            raise CoreNodeRefused("stopped")
        owner = self._owners.get(request.instance_id)
        if owner is None:
            raise UnknownInstance(request.instance_id, self._owners)
        member = self._members.get(owner) or self._leaving[owner]
        self.forward(request, member.ref)

    def _remove(self, request: RemoveNode) -> None:
        member = self._member(request.node, "removed")
        if member.instances and not request.stop_instances:
            raise NeedsConsent(request.node, member.instances, "removed")
        promise = self.promise(request)
        self._retire(
            member,
            None,
            lambda retired: Done(promise, RemoveView(node=retired.node, stopped=retired.stopped)),
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
        self._leaving[node] = self._members.pop(node)
        self.background(
            retire,
            self._site,
            member,
            successor,
            done=lambda retired: Gone(node, done(retired)),
            failed=lambda error: Gone(node, failed(error)),
        )

    def _forget(self, node: NodeId, then: object) -> None:
        member = self._leaving.pop(node)
        if isinstance(then, Failed | NotWritten) and not self._going_down:
            # Nothing was written down: it is in the stack as before, but for its instances.
            self._spawn_node(member.entry, member.without_instances())
        self._owners = {each: owner for each, owner in self._owners.items() if owner != node}

    def _take_down(self, request: TakeDown) -> None:
        self._going_down = True
        for promise, job in self._adding.values():
            job.cancel()
            promise.refuse(GoingDown())
        self._adding.clear()
        promise_down: Promise[TakenDown] = self.promise(request)
        self.background(
            take_down,
            dict(self._members),
            tuple(self._leaving.values()),
            graph.edges(self._documents()),
            done=lambda taken: Done(promise_down, taken),
            failed=lambda error: Failed(promise_down, error),
        )

    # Nodes that come.

    def _add(self, request: AddNode) -> None:
        source = request.source
        if source in self._adding:
            if not request.force:
                raise InProgress(f"adding '{source}'", MAX_TIMEOUT)
            present, _ = self._adding[source]
            self._end_adding(AddEnded(source, present, AddingGivenUp(source)))
        promise = self.promise(request)
        job = self.background(
            adding.stage,
            self._site,
            request,
            self._documents(),
            promise.note,
            done=lambda entry: Staged(request, promise, entry),
            failed=lambda error: AddEnded(source, promise, error),
        )
        self._adding[source] = (promise, job)
        promise.on_abandon(AddEnded(source, promise, AddingGivenUp(source)))

    def _end_adding(self, end: AddEnded) -> None:
        present = self._adding.get(end.source)
        if present is not None and present[0] is end.promise:
            del self._adding[end.source]
            present[1].cancel()
            end.promise.refuse(end.error)

    def _admit(self, staged: Staged) -> None:
        adding_now = self._adding.get(staged.request.source)
        if adding_now is None or adding_now[0] is not staged.promise:
            # It was given up, and its asker told, while this message was on its way.
            self._discard(staged)
            return
        del self._adding[staged.request.source]
        error = self._why_not(staged)
        if error is not None:
            self._turn_away(staged, error)
            return
        present = self._members.get(staged.entry.node)
        if present is None:
            self._entering.add(staged.entry.node)
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

    def _why_not(self, staged: Staged) -> PeppyError | None:
        node = staged.entry.node
        if node in self._leaving:
            return Leaving(node)
        if node in self._entering:
            return InProgress(f"adding '{node}'", MAX_TIMEOUT)
        broken = graph.broken_by(staged.entry.document, self._documents())
        if broken:
            return NeededByOthers(node, broken)
        present = self._members.get(node)
        if present is not None and present.live and not staged.request.stop_instances:
            return NeedsConsent(node, present.live, "replaced")
        return None

    def _turn_away(self, staged: Staged, error: Exception) -> None:
        self._discard(staged)
        staged.promise.refuse(error)

    def _discard(self, staged: Staged) -> None:
        self.background(self._site.host.files.remove, staged.entry.snapshot)

    def _enter(self, staged: Staged, retired: Retired | None) -> None:
        entry = staged.entry
        self._entering.discard(entry.node)
        if self._going_down:  # it is written down: the next daemon has it
            staged.promise.refuse(GoingDown())
            return
        self._spawn_node(entry)
        staged.promise.answer(
            AddView(
                node=entry.node,
                log=str(entry.add_log),
                snapshot=str(entry.snapshot),
                replaced=retired is not None,
                stopped=() if retired is None else retired.stopped,
            )
        )

    def _spawn_node(self, entry: Entry, found: FoundNode | None = None) -> None:
        ref = self.spawn(lambda: Node(self._site, entry, self.me, found), entry.snapshot.name)
        self._members[entry.node] = Member(ref, entry)
