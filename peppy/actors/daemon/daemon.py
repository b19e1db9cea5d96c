"""The root actor: who the daemon is, and when it ends."""

from typing import Any, assert_never

import msgspec
import trio

from peppy import VERSION
from peppy.actors.kernel import Actor, ActorEnded, Promise, Ref
from peppy.actors.stack.errors import GoingDown
from peppy.actors.stack.messages import TakeDown, TakenDown
from peppy.actors.stack.site import Site
from peppy.actors.stack.stack import Requests as StackRequests
from peppy.actors.stack.stack import Stack
from peppy.schema.control import (
    AddNode,
    BenchmarkStack,
    BuildNode,
    DaemonView,
    DescribeDaemon,
    DescribeNode,
    DescribeWire,
    InitNode,
    ListStack,
    RemoveNode,
    RunNode,
    ServiceStopView,
    StackView,
    StopDaemon,
    StopInstance,
    SyncNode,
)


class ShutDown(msgspec.Struct, frozen=True):
    """A signal asks for the end."""


class IdleCheck(msgspec.Struct, frozen=True):
    """Time to look whether anybody still needs the daemon."""


class Looked(msgspec.Struct, frozen=True):
    """The stack as it is, for one who wonders whether it is empty."""

    stack: StackView


class Down(msgspec.Struct, frozen=True):
    """The stack has been taken down."""

    taken: TakenDown


Message = DescribeDaemon | StopDaemon | StackRequests | ShutDown | IdleCheck | Looked | Down


class Daemon(Actor[Message]):
    """The daemon of one home directory."""

    def __init__(self, site: Site, *, idle_exit: float | None = None) -> None:
        self._site = site
        self._idle_exit = idle_exit
        self._begun = trio.current_time()
        self._last_request = trio.current_time()
        self._stack: Ref[Any] | None = None
        self._stops: list[Promise[ServiceStopView]] = []
        self._going_down = False

    def started(self) -> None:
        """Start the stack."""
        self._stack = self.spawn(lambda: Stack(self._site), "stack")
        if self._idle_exit is not None:
            self.later(self._idle_exit, IdleCheck())

    def receive(self, message: Message) -> None:
        """Take one message."""
        match message:
            case DescribeDaemon():
                self.background(self._describe, self.promise(message))
            case StopDaemon():
                self._stops.append(self.promise(message))
                self._go_down()
            case ShutDown():
                self._go_down()
            case IdleCheck():
                self._check_idle()
            case Looked(stack):
                self._end_if_idle(stack)
            case Down(taken):
                self._end(taken)
            case (
                ListStack()
                | DescribeNode()
                | DescribeWire()
                | BenchmarkStack()
                | InitNode()
                | SyncNode()
                | AddNode()
                | BuildNode()
                | RunNode()
                | StopInstance()
                | RemoveNode()
                | TakeDown()
            ):
                self._hand_on(message)
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Daemon {self._site.core_node}>"

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
            )
        )

    async def _look(self) -> StackView:
        assert self._stack is not None  # noqa: S101  # it starts before the first message
        return await self._stack.ask(ListStack())

    def _check_idle(self) -> None:
        if self._idle_exit is None or self._going_down:
            return
        left = self._last_request + self._idle_exit - trio.current_time()
        if left > 0:
            self.later(left, IdleCheck())
        else:
            self.background(self._look, done=Looked)

    def _end_if_idle(self, stack: StackView) -> None:
        if len(stack.nodes) == 1:
            self._go_down()
        elif self._idle_exit is not None:
            self.later(self._idle_exit, IdleCheck())

    def _go_down(self) -> None:
        if not self._going_down and self._stack is not None:
            self._going_down = True
            self.background(self._stack.ask, TakeDown(), done=Down)

    def _end(self, taken: TakenDown) -> None:
        view = ServiceStopView(pid=self._site.daemon_pid, instances=taken.stopped)
        for stop in self._stops:
            stop.answer(view)
        self.stop()
