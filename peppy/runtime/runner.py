"""The node runner: what node code holds of its own node. Source: behaviour.md 8.10."""

import copy
import itertools
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, Protocol, Self, TypeVar, cast, runtime_checkable

import msgspec
from anyio.abc import TaskGroup

from peppy.runtime.hooks import Callback, Hooks
from peppy.runtime.inlet import Inlet
from peppy.runtime.mismatches import Mismatches
from peppy.runtime.outlet import Outlet
from peppy.runtime.output import complain_of
from peppy.runtime.router import join_router
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.port import Delivery, Transport, TransportError
from peppy.schema import keys
from peppy.schema.daemon_config import Buffers
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag, is_name
from peppy.schema.notice import Notice
from peppy.schema.traffic import EndTraffic, TrafficView

T = TypeVar("T")

DEFAULT_BUFFERS: Final = Buffers()

NO_BINDINGS: Final[Mapping[str, InstanceId]] = MappingProxyType({})

NOBODY: Final = Address("nobody", Name("nobody"), InstanceId("nobody"))
"""Whose a connection is that is no node's."""


@runtime_checkable
class End(Protocol):
    """One end of one interface, declared on the wire."""

    def traffic(self) -> EndTraffic:
        """Return what went through."""
        ...

    def close(self) -> None:
        """Give everything back, and let everybody go who waits."""
        ...


E = TypeVar("E", bound=End)


class OtherThread(RuntimeError):
    """A message to or from the node on a thread whose event loop is not the node's own."""

    def __init__(self) -> None:
        super().__init__(
            "a node's messages belong to the event loop that runs 'setup', and this is another"
            " thread: hand each call over with 'asyncio.run_coroutine_threadsafe(call, loop)',"
            " where 'loop' is what 'asyncio.get_running_loop()' returns in 'setup'"
        )


class NodeRunner:
    """One running node: its names, its token, its connection.

    Everything but the token belongs to the event loop that runs the node.
    """

    def __init__(
        self,
        address: Address,
        tag: Tag,
        transport: Transport,
        token: CancellationToken,
        buffers: Buffers = DEFAULT_BUFFERS,
        bindings: Mapping[str, InstanceId] = NO_BINDINGS,
    ) -> None:
        self.address = address
        self.transport = transport
        self.exchange = Exchange(transport)
        """Requests of this node and to it."""
        self.endpoint: tuple[str, int] | None = None
        """Host and port of the router that it was told to join; None where nobody said."""
        self.buffers = buffers
        """How many messages wait for this node before the oldest gives way."""
        self.hooks = Hooks()
        """What has been registered by `on_shutdown`."""
        self._bindings = bindings
        self._tag = tag
        self._token = token
        self._thread = threading.get_ident()
        self._kept: dict[object, Any] = {}
        self._ends: dict[End, None] = {}
        self.outlets: dict[object, Outlet] = {}
        """The ways out of emitted topics, looked up with each message; and the ways in."""
        self.inlets: dict[object, Inlet[Any]] = {}
        self._takers = itertools.count()
        self._tasks: TaskGroup | None = None
        self.mismatches = Mismatches(self.exchange, self.in_background, self.notify)
        """What is known of formats, here and at those that send others."""

    def cancellation_token(self) -> CancellationToken:
        """Return the token that is cancelled when the node's shutdown begins."""
        return self._token

    def on_shutdown(self, callback: Callback) -> None:
        """Have `callback` run when the node shuts down, before its tasks are cancelled.

        It is plain or `async`, and takes nothing; what it returns is awaited if it can be. Any
        number may be registered, in `setup`, each as soon as what it releases is there: they run
        one after the other, the last one first, however shutdown began, and messaging works until
        the last one has ended. All of them have `lifecycle.shutdown_grace_secs` seconds together;
        then the one that still awaits is abandoned. What a hook raises is printed, and the others
        run. Once the hooks run, another one is refused with a line on standard error.

        Raises `TypeError` for what cannot be called. Source: seed 004.
        """
        self.hooks.add(callback)

    def bound_core_node(self) -> str:
        """Return the name of the core node that this instance belongs to."""
        return self.address.core_node

    def bound_instance_id(self) -> str:
        """Return this instance's id."""
        return self.address.instance_id

    def node_name(self) -> str:
        """Return the node's name."""
        return self.address.node

    def node_tag(self) -> str:
        """Return the node's tag."""
        return self._tag

    def messenger(self) -> "MessengerHandle":
        """Return what sends and takes bytes over this node's connection; the same at each call.

        Raises `OtherThread` as `kept` does. Source: behaviour.md 8.10.
        """
        return self.kept(MessengerHandle, lambda: MessengerHandle(self, self.endpoint))

    def speaking_as(self, address: Address) -> "NodeRunner":
        """Return this node under another address: what it declares is its own, the rest is shared.

        Its ends are ends of this node: counted, and closed with it.
        """
        other = copy.copy(self)
        other.address = address
        other.outlets, other.inlets = {}, {}
        other._kept = {}
        other._bindings = NO_BINDINGS
        return other

    def instance_of(self, link: str | None) -> InstanceId | None:
        """Return the instance that the dependency labelled `link` is bound to; None if any will do.

        Source: behaviour.md 6, the bindings of an instance.
        """
        return None if link is None else self._bindings.get(link)

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """Return what was made under `key`, making it now if this is the first call.

        Declarations on the wire are costly and are made once; they live as long as the node.
        Raises `OtherThread` on another thread than the node's: what is waited for there never
        comes, and no message leaves.
        """
        self._check_thread()
        try:
            return cast("T", self._kept[key])
        except KeyError:
            made = self._kept[key] = make()
            return made

    def add_end(self, end: E) -> E:
        """Return `end`; from now on it is counted, and closed when the node ends.

        Raises `OtherThread` as `kept` does.
        """
        self._check_thread()
        self._ends[end] = None
        return end

    def remove_end(self, end: End) -> None:
        """Forget an end that its owner has closed."""
        self._ends.pop(end, None)

    def ends(self) -> tuple[End, ...]:
        """Return all ends that are there now."""
        return tuple(self._ends)

    def traffic(self) -> TrafficView:
        """Return what went through all ends."""
        return TrafficView(ends=tuple(end.traffic() for end in self._ends))

    def taker_id(self, patience: str) -> str:
        """Return a new name under which to take a topic, as `peppy.runtime.credit` has it."""
        return f"{patience}-{self.transport.identity}-{next(self._takers)}"

    def work_with(self, tasks: TaskGroup) -> None:
        """For `run_node`: have `in_background` run in these."""
        self._tasks = tasks

    def in_background(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `work` done on the node's loop, until the node ends; its failure is printed."""

        async def done() -> None:
            try:
                await work()
            except Exception as error:
                complain_of("a background task of the runtime failed", error)

        if self._tasks is not None:
            self._tasks.start_soon(done)

    def notify(self, kind: str, sentence: str) -> None:
        """Tell the daemon what a person should see; nobody listening is no error."""
        publisher = self.kept(
            "notices",
            lambda: self.transport.publisher(keys.notice(self.address), Delivery.RELIABLE),
        )
        with suppress(TransportError):
            publisher.put(msgspec.msgpack.encode(Notice(kind, sentence)))

    def close(self) -> None:
        """For `run_node`: close all ends."""
        self._tasks = None
        for end in list(self._ends):
            end.close()
        self.exchange.close()

    def _check_thread(self) -> None:
        if threading.get_ident() != self._thread:
            raise OtherThread

    def __repr__(self) -> str:
        return f"<NodeRunner of {self.address.node}:{self._tag} '{self.address.instance_id}'>"


class MessengerHandle:
    """A connection for `TopicMessenger`, `ServiceMessenger` and `ActionMessenger`.

    Those say with each call who speaks: one handle can be any number of instances. It belongs to
    the event loop on which it was made. Source: behaviour.md 8.1.
    """

    def __init__(self, node_runner: NodeRunner, endpoint: tuple[str, int] | None) -> None:
        """For `NodeRunner.messenger` and `from_host_port`."""
        self._runner = node_runner
        self._endpoint = endpoint
        self._owned = False

    @staticmethod
    async def from_host_port(host: str, port: int) -> "MessengerHandle":
        """Return a connection of its own, by way of the router at `host` and `port`.

        It lasts until `close`, or until the process ends. Raises `RouterError` (a `RuntimeError`)
        if nobody listens there, `ValueError` for what is no port, and `TransportError` if the wire
        cannot be opened.
        """
        transport = await join_router(host, port)
        runner = NodeRunner(NOBODY, Tag("v1"), transport, CancellationToken())
        handle = MessengerHandle(runner, (host, port))
        handle._owned = True
        return handle

    def messaging_endpoint(self) -> tuple[str, int] | None:
        """Return the host and the port of the router, or None if they are not known."""
        return self._endpoint

    def messaging_port(self) -> int:
        """Return the router's port; raise `RuntimeError` if it is not known."""
        if self._endpoint is None:
            raise RuntimeError("nobody has told this messenger which router it is connected to")
        return self._endpoint[1]

    def speaker(self, core_node: str, instance_id: str, node: str | None = None) -> NodeRunner:
        """Return who speaks: None for the node where others need not know it.

        Raises `ValueError` for what cannot be a name, and `OtherThread`.
        """
        own = self._runner.address
        given = (core_node, node or own.node, instance_id)
        if given == (own.core_node, own.node, own.instance_id):
            return self._runner
        return self._runner.kept(given, lambda: self._runner.speaking_as(_address(*given)))

    async def close(self) -> None:
        """Close a connection of its own; a node's is closed with the node, and not by this.

        Whoever waits for a message or a request is told; twice is fine.
        """
        if self._owned:
            self._runner.close()
            await self._runner.transport.close()

    async def __aenter__(self) -> Self:
        """Return it; the block ends with `close`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    def __repr__(self) -> str:
        where = "" if self._endpoint is None else " by way of {}:{}".format(*self._endpoint)
        return f"<MessengerHandle{where}>"


def _address(core_node: str, node: str, instance_id: str) -> Address:
    for name in (core_node, node, instance_id):
        if not is_name(name):
            raise ValueError(f"'{name}' cannot be the name of who speaks")
    return Address(core_node, Name(node), InstanceId(instance_id))
