"""One node inside a test: its real `setup` and shutdown, on the loop that runs the test."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Generic, Self, TypedDict, TypeVar

from peppy.runtime.binding import Binding, Parameters
from peppy.runtime.settings import Settings
from peppy.runtime.setup import Setup, wants_nursery
from peppy.runtime.transport.loops import clock_here
from peppy.runtime.transport.waiting import on_trio
from peppy.schema.daemon_config import Buffers, Lifecycle
from peppy.schema.datastore import StoredValue
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import Name, Tag, parse_instance_id
from peppy.testing.failures import WITHIN, NodeEnded, NotRunning
from peppy.testing.node_life import NodeLife
from peppy.testing.peers import CORE_NODE, Peers
from peppy.testing.trace import Trace

__all__ = ["NodeEnded", "NodeUnderTest", "Options", "Setup", "WrongLoop"]

P = TypeVar("P", bound=Parameters)

INSTANCE_ID: Final = "under_test"

READY_WITHIN: Final = 60.0
"""Seconds that a `setup` may take, unless the test says otherwise."""


class WrongLoop(PeppyError):
    """A `setup` for one loop in a test on the other."""

    def __init__(self, *, wants_trio: bool) -> None:
        takes = "takes a nursery and so" if wants_trio else "takes no nursery and so"
        wanted, other = ("trio", "asyncio") if wants_trio else ("asyncio", "trio")
        super().__init__(
            f"this 'setup' {takes} runs on {wanted}, and the test runs on {other}",
            hint=f"mark the test with '@pytest.mark.peppy(loop=\"{wanted}\")', or write"
            f" 'peppy_loop = \"{wanted}\"' under [tool.pytest.ini_options]",
        )


class Options(TypedDict, total=False):
    """What else can be said of a node under test; see `NodeUnderTest`."""

    instance_id: str
    bindings: Mapping[str, str]
    lifecycle: Lifecycle
    buffers: Buffers
    supervised: bool
    wait_until_ready: bool
    ready_within: float
    trace: Trace


class NodeUnderTest(Generic[P]):
    """A node, and all that it can reach; `async with` is its life.

    The block begins when `setup` has returned. At its end the node shuts down as it does outside of
    tests: token, hooks, tasks, messaging. The exception of a `setup` comes out of `async with`; a
    node that has ended by itself, and nobody has waited for that, fails the test, and so does a
    hook that fails: `NodeEnded`.
    """

    def __init__(
        self,
        binding: Binding[P],
        setup: Setup,
        parameters: P | Mapping[str, Any] | None = None,
        *,
        instance_id: str = INSTANCE_ID,
        bindings: Mapping[str, str] | None = None,
        lifecycle: Lifecycle | None = None,
        buffers: Buffers | None = None,
        supervised: bool = False,
        wait_until_ready: bool = True,
        ready_within: float = READY_WITHIN,
        trace: Trace | None = None,
    ) -> None:
        """Keep what is said of the node; nothing runs yet.

        `parameters` are the node's dataclass, or a mapping keyed by the document's names that may
        leave out those with a default. `bindings` name for a dependency's label the instance that
        is meant. A `supervised` node hears a daemon, until `daemon_falls_silent`. With
        `wait_until_ready=False` the block begins while `setup` still runs; else `setup` has
        `ready_within` seconds. Raises `ParameterError` and `NotAName`.
        """
        self.binding = binding
        self.address = Address(CORE_NODE, Name(binding.name), parse_instance_id(instance_id))
        bound = {link: parse_instance_id(to) for link, to in (bindings or {}).items()}
        self.peers = Peers(self.address, bound)
        self.datastore: dict[str, StoredValue] = {}
        """What the daemon keeps for all nodes; the test reads and writes it as it likes."""
        self._setup = setup
        self._arguments = binding.completed(
            {} if parameters is None else binding.as_mapping(parameters)
        )
        self._lifecycle = lifecycle or Lifecycle()
        self._buffers = buffers or Buffers()
        self._supervised = supervised
        self._wait_until_ready = wait_until_ready
        self._ready_within = ready_within
        self._trace = trace
        self._life: NodeLife | None = None

    @property
    def trace(self) -> Trace:
        """All that was sent, asked and seen so far, in one order."""
        if self._trace is None:
            raise NotRunning(self.binding.name, "its trace is there")
        return self._trace

    async def ready(self, within: float = READY_WITHIN) -> None:
        """Return once `setup` has returned; raise `NotSeen` after so many seconds.

        Raises what `setup` raises.
        """
        __tracebackhide__ = True
        life = self._running("wait for it")
        try:
            await self.peers.until(
                lambda: life.ready,
                within,
                lambda when: f"'setup' of node '{self.binding.name}' has not returned {when}",
            )
        except NodeEnded:
            if isinstance(life.failure, Exception):
                raise life.failure from None
            raise

    async def shut_down(self) -> None:
        """Shut the node down as its daemon does, and return when it is gone.

        Probes go on giving what it has emitted up to its last hook.
        """
        await self._running("shut it down").shut_down()

    async def ended(self, within: float = WITHIN) -> BaseException | None:
        """Return once the node has ended: the failure that ended it, or None.

        Raises `NotSeen` after so many seconds.
        """
        __tracebackhide__ = True
        life = self._running("wait for its end")
        life.awaited = True
        await self.peers.until(
            lambda: life.over,
            within,
            lambda when: f"node '{self.binding.name}' has not ended {when}",
        )
        return life.failure

    async def health(self, timeout: float = WITHIN) -> bool:
        """Ask it, as its daemon does, and say whether it answers within so many seconds."""
        return await self._running("ask for its health").daemon.health(timeout)

    def daemon_falls_silent(self) -> None:
        """Give no more signs of life of the daemon, which the node misses if it is `supervised`."""
        self._running("let the daemon fall silent").daemon.fall_silent()

    async def __aenter__(self) -> Self:
        """Start the node; return when it is ready."""
        if self._life is not None:
            raise RuntimeError(f"node '{self.binding.name}' has run already: boot another one")
        if wants_nursery(self._setup) is not on_trio():
            raise WrongLoop(wants_trio=not on_trio())
        self.peers.check_bound()
        if self._trace is None:
            self._trace = Trace(clock_here())
            self._trace.names = self.peers.names
        self._life = NodeLife(
            self.binding,
            self._settings(),
            self._setup,
            self.peers,
            self._trace,
            self.datastore,
        )
        await self._life.begin()
        try:
            if self._wait_until_ready:
                await self.ready(self._ready_within)
        except BaseException as error:
            await self._life.end(error)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Shut the node down; fail if it had ended before, or if a handler of the test has."""
        __tracebackhide__ = True
        life = self._running("leave")
        await life.end(error)
        trouble = life.verdict()
        if trouble is None:
            return
        if error is None:
            raise trouble
        if error is not life.failure and not isinstance(error, NodeEnded):
            error.add_note(f"besides: {type(trouble).__name__}: {trouble}")

    def _settings(self) -> Settings:
        return Settings(
            address=self.address,
            tag=Tag(self.binding.tag),
            arguments=self._arguments,
            host="in memory",
            port=0,
            lifecycle=self._lifecycle,
            buffers=self._buffers,
            bindings=self.peers.bindings(),
            supervised=self._supervised,
        )

    def _running(self, what: str) -> NodeLife:
        if self._life is None:
            raise NotRunning(self.binding.name, what)
        return self._life

    def __repr__(self) -> str:
        return f"<NodeUnderTest {self.binding.name}:{self.binding.tag}>"
