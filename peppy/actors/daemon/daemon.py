"""The root actor: who the daemon is, and when it ends."""

from typing import Any, Final, assert_never

import msgspec
import trio

from peppy import VERSION
from peppy.actors.daemon.datastore import Datastore
from peppy.actors.daemon.datastore import Requests as DatastoreRequests
from peppy.actors.daemon.heart import beat
from peppy.actors.daemon.node_services import NodeServices
from peppy.actors.daemon.repositories import Repositories
from peppy.actors.daemon.repositories import Requests as RepositoryRequests
from peppy.actors.kernel import Actor, ActorEnded, Background, Promise, Ref, Restart
from peppy.actors.stack.errors import GoingDown
from peppy.actors.stack.messages import Hurry, TakeDown, TakenDown
from peppy.actors.stack.recovery import NOTHING, Found
from peppy.actors.stack.site import Site
from peppy.actors.stack.stack import Stack
from peppy.actors.stack.stack_messages import Requests as StackRequests
from peppy.schema.control import (
    DaemonView,
    DescribeDaemon,
    InstanceState,
    ListStack,
    ServiceStopView,
    StackView,
    StopDaemon,
)
from peppy.schema.datastore import ListValues, ValuesView
from peppy.schema.events import EventsView, ListEvents
from peppy.schema.names import InstanceId

ALIVE: Final = (InstanceState.RUNNING, InstanceState.STARTING, InstanceState.STOPPING)


class ShutDown(msgspec.Struct, frozen=True):
    """A signal asks for the end."""

    hurry: bool = False
    """Whether it is not the first, and whoever sent it has no more patience."""


class IdleCheck(msgspec.Struct, frozen=True):
    """Time to look whether anybody still needs the daemon."""


class Looked(msgspec.Struct, frozen=True):
    """What there is, for one who wonders whether it is nothing."""

    stack: StackView
    values: ValuesView


class Down(msgspec.Struct, frozen=True):
    """The stack has been taken down."""

    taken: TakenDown


class Left(msgspec.Struct, frozen=True):
    """The stack's actors have ended; these instances live on."""

    kept: tuple[InstanceId, ...]


class Unheard(msgspec.Struct, frozen=True):
    """Whoever wanted to know what happens has gone."""

    telling: Background


Own = (
    DescribeDaemon | StopDaemon | ListEvents | Unheard | ShutDown | IdleCheck | Looked | Down | Left
)
Message = Own | StackRequests | DatastoreRequests | RepositoryRequests


class Daemon(Actor[Message]):
    """The daemon of one home directory."""

    def __init__(
        self, site: Site, found: Found = NOTHING, *, idle_exit: float | None = None
    ) -> None:
        """`found` is what the daemon before has promised; an idle one ends after `idle_exit`."""
        self._site = site
        self._found = found
        self._idle_exit = idle_exit
        self._begun = trio.current_time()
        self._last_request = trio.current_time()
        self._stack: Ref[Any] | None = None
        self._datastore: Ref[Any] | None = None
        self._repositories: Ref[Any] | None = None
        self._node_services = NodeServices(site)
        self._stops: list[Promise[ServiceStopView]] = []
        self._going_down = False

    def started(self) -> None:
        """Start the children: the datastore first, so that the nodes' last words still reach it."""
        self._datastore = self.spawn(Datastore, "datastore", restart=Restart.TRANSIENT)
        self._repositories = self.spawn(
            lambda: Repositories(self._site), "repositories", restart=Restart.TRANSIENT
        )
        self._stack = self.spawn(lambda: Stack(self._site, self._found), "stack")
        self.background(beat, self._site)
        self.background(self._node_services.serve, self.me)
        if self._idle_exit is not None:
            self.later(self._idle_exit, IdleCheck())

    def receive(self, message: Message) -> None:
        """Take one message: what is for a child is handed on, the rest is the daemon's own."""
        if isinstance(message, StackRequests):
            self._hand_on(message)
        elif isinstance(message, DatastoreRequests):
            self._hand_to_datastore(message)
        elif isinstance(message, RepositoryRequests):
            self._hand_to_repositories(message)
        else:
            self._receive(message)

    def _receive(self, message: Own) -> None:
        match message:
            case DescribeDaemon():
                self.background(self._describe, self.promise(message))
            case ListEvents():
                self._tell_events(message)
            case Unheard(telling):
                telling.cancel()
            case StopDaemon():
                self._stops.append(self.promise(message))
                self._go_down(keep_nodes=message.keep_nodes)
            case ShutDown(hurry):
                self._go_down()
                if hurry and self._stack is not None:
                    self._stack.tell(Hurry())
            case IdleCheck():
                self._check_idle()
            case Looked(stack, values):
                self._end_if_idle(stack, values)
            case Down(taken):
                self._end(taken.stopped, ())
            case Left(kept):
                self._end((), kept)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Daemon {self._site.core_node}>"

    def child_restarted(self, old: Ref[Any], new: Ref[Any]) -> None:
        """Go on with what stands in the place of a child that has failed: an empty datastore."""
        if old is self._repositories:
            self._repositories = new
        else:
            self._datastore = new

    def child_failed(self, ref: Ref[Any], error: Exception) -> None:
        """End when the stack has failed: there is nothing left to answer for."""
        del ref, error
        self.stop()

    def _hand_on(self, request: StackRequests) -> None:
        self._last_request = trio.current_time()
        if self._stack is None or self._going_down:
            self.refuse(request, GoingDown())
        else:
            self.forward(request, self._stack)

    def _hand_to_datastore(self, request: DatastoreRequests) -> None:
        self._last_request = trio.current_time()
        if self._datastore is None:
            self.refuse(request, GoingDown())
        else:
            self.forward(request, self._datastore)

    def _hand_to_repositories(self, request: RepositoryRequests) -> None:
        self._last_request = trio.current_time()
        if self._repositories is None or self._going_down:
            self.refuse(request, GoingDown())
        else:
            self.forward(request, self._repositories)

    def _tell_events(self, request: ListEvents) -> None:
        self._last_request = trio.current_time()
        promise: Promise[EventsView] = self.promise(request)
        telling = self.background(self._site.events.answer, promise, request)
        promise.on_abandon(Unheard(telling))

    async def _describe(self, promise: Promise[DaemonView]) -> None:
        try:
            stack = await self._look()
        except ActorEnded:
            promise.refuse(GoingDown())
            return
        site = self._site
        promise.answer(
            DaemonView(
                version=VERSION,
                core_node=site.core_node,
                instance_id=site.daemon_instance,
                pid=site.daemon_pid,
                home=str(site.home.root),
                host_name=site.host_name,
                messaging_port=site.messaging_port,
                uptime=trio.current_time() - self._begun,
                nodes=len(stack.nodes) - 1,
                malformed=self._node_services.malformed,
            )
        )

    async def _look(self) -> StackView:
        assert self._stack is not None  # noqa: S101  # it starts before the first message
        return await self._stack.ask(ListStack())

    async def _look_around(self) -> Looked:
        assert self._datastore is not None  # noqa: S101  # likewise
        return Looked(await self._look(), await self._datastore.ask(ListValues()))

    def _check_idle(self) -> None:
        if self._idle_exit is None or self._going_down:
            return
        left = self._last_request + self._idle_exit - trio.current_time()
        if left > 0:
            self.later(left, IdleCheck())
        else:
            self.background(self._look_around, done=lambda looked: looked)

    def _end_if_idle(self, stack: StackView, values: ValuesView) -> None:
        used = values.entries or self._site.events.followers or stack.changing
        if not any(node.instances for node in stack.nodes[1:]) and not used:
            self._go_down()
        elif self._idle_exit is not None:
            self.later(self._idle_exit, IdleCheck())

    def _go_down(self, *, keep_nodes: bool = False) -> None:
        if self._going_down or self._stack is None:
            return
        self._going_down = True
        if keep_nodes:
            self.background(self._leave, self._stack, done=lambda left: left)
        else:
            self.background(self._stack.ask, TakeDown(), done=Down)

    async def _leave(self, stack: Ref[Any]) -> "Left":
        """End the stack's actors; the instances live on, for the daemon that comes next."""
        view = await stack.ask(ListStack())
        instances = (instance for node in view.nodes[1:] for instance in node.instances)
        kept = tuple(i.instance_id for i in instances if i.state in ALIVE)
        self.stop_child(stack)
        await stack.ended()
        return Left(kept)

    def _end(self, stopped: tuple[InstanceId, ...], kept: tuple[InstanceId, ...]) -> None:
        view = ServiceStopView(pid=self._site.daemon_pid, instances=stopped, kept=kept)
        for stop in self._stops:
            stop.answer(view)
        self.stop()
