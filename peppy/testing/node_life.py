"""The life of a node under test, beside the test's own task."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

import anyio

from peppy.runtime.asyncio_life import Future
from peppy.runtime.binding import Binding
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.outstaying import Outstayed
from peppy.runtime.settings import Settings
from peppy.runtime.setup import Setup
from peppy.runtime.transport.memory import MemoryTransport
from peppy.runtime.transport.waiting import on_trio
from peppy.schema.datastore import StoredValue
from peppy.schema.events import EventKind
from peppy.schema.leaving import Leaving
from peppy.testing.failures import LET_IT_THROUGH, NodeEnded, after
from peppy.testing.giving_up import give_up, not_spinning
from peppy.testing.peers import Peers
from peppy.testing.played_daemon import PlayedDaemon
from peppy.testing.trace import Kind, Trace

_WHOSE: Final = ContextVar[object]("node_under_test", default=None)
"""Whose code runs: a task that it starts on a loop that it shares with the test is its own."""


class NodeLife:
    """From the call of `setup` to the end of the node; begun and ended by one task."""

    def __init__(
        self,
        binding: Binding[Any],
        settings: Settings,
        setup: Setup,
        peers: Peers,
        trace: Trace,
        values: dict[str, StoredValue],
    ) -> None:
        """`values` are what its daemon keeps for all nodes."""
        self.ready = self.over = False
        self.awaited = False
        """Whether the test has waited for its end."""
        self.failure: BaseException | None = None
        """What has ended it, if that was a failure."""
        self._asked = self._by_itself = False
        self._outstayed: list[Outstayed] = []
        self._binding = binding
        self._settings = settings
        self._setup = setup
        self._peers = peers
        self._trace = trace
        self._group = anyio.create_task_group()
        self._ended = anyio.Event()
        self._own = None if on_trio() else _OwnTasks()
        self.daemon = PlayedDaemon(
            peers.network, settings.address, values, self._set_up, self._leaving
        )
        self._occupancy = Occupancy(
            left_behind=tuple if self._own is None else self._own.all, on_failure=self._failed
        )

    async def begin(self) -> None:
        """Have everybody take their places, and start the node."""
        await self._group.__aenter__()
        if self._own is not None:
            self._own.watch()
        self._peers.open(self._group, self._trace)
        if self._settings.supervised:
            self._group.start_soon(self.daemon.beat)
        self._group.start_soon(self._run)

    async def shut_down(self) -> None:
        """End the node in the order of a real shutdown; return when it is gone."""
        self._asked = True
        self._occupancy.end()
        await self._ended.wait()

    async def end(self, error: BaseException | None) -> None:
        """End the node, then all others; `error` is what ended the test, if anything did."""
        # A test that is cancelled, for its time is over, does not cut the node's hooks short.
        with anyio.CancelScope(shield=True):
            await self.shut_down()
            await self._peers.close()
            await self.daemon.close()
        if self._own is not None:
            self._own.unwatch()
        self._group.cancel_scope.cancel()
        # A failure of the test stays what it is, pytest's own among them: the group would wrap it.
        left = error if isinstance(error, anyio.get_cancelled_exc_class()) else None
        await self._group.__aexit__(None if left is None else type(left), left, None)

    def verdict(self) -> Exception | None:
        """Return what is wrong with how it was played to, or with how it has ended."""
        try:
            self._peers.check()
        except Exception as trouble:
            return trouble
        if self._outstayed:
            what = "; ".join(map(str, self._outstayed))
            node = self._binding.name
            return NodeEnded(f"node '{node}' has ended, and {what}: {LET_IT_THROUGH}")
        if self.awaited or not (self._by_itself or self.failure):
            return None
        how = "has ended by itself" if self._by_itself else "has failed while it shut down"
        ended = NodeEnded(f"node '{self._binding.name}' {how}{after(self.failure)}")
        ended.__cause__ = self.failure
        return ended

    async def _run(self) -> None:
        transport = MemoryTransport(self._peers.network)
        try:
            with not_spinning(self._occupancy.token):
                await run_node(
                    self._binding, self._marked(), self._settings, transport, self._occupancy
                )
        except (Exception, SystemExit) as error:
            self.failure = error
        finally:
            self._over()

    def _marked(self) -> Setup:
        """Return the `setup`, which marks whatever it starts on asyncio as the node's."""
        own = self._own
        if own is None:
            return self._setup

        def setup(*given: Any) -> object:
            _WHOSE.set(own)
            return self._setup(*given)

        return setup

    def _set_up(self) -> None:
        self.ready = True
        self._event(EventKind.STARTED)
        self._peers.changed()

    def _leaving(self, leaving: Leaving) -> None:
        self._event("leaving", f"{leaving.step} {leaving.name}".rstrip())

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, Outstayed):
            self._outstayed.append(error)
            give_up(error.tasks)
        else:
            self.failure = self.failure or error

    def _over(self) -> None:
        self.over = True
        self._by_itself = not self._asked
        if self._asked:
            self._event(EventKind.STOPPED)
        elif self.failure is None:
            self._event(EventKind.FINISHED)
        else:
            self._event(EventKind.FAILED, after(self.failure).removeprefix(": "))
        self._ended.set()
        self._peers.end(self.failure)

    def _event(self, kind: str, text: str = "") -> None:
        self._trace.add(Kind.EVENT, self._settings.address.instance_id, kind, text)


class _OwnTasks:
    """The tasks of a node on an asyncio loop that is not its own: those that its code starts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._factory = self._loop.get_task_factory()
        # In the order in which they came; what nobody holds any more has ended.
        self._tasks: WeakKeyDictionary[Future, None] = WeakKeyDictionary()

    def watch(self) -> None:
        """See each task that is started from now on."""
        made: Any = self._made  # what the loop may pass on differs between versions of Python
        self._loop.set_task_factory(made)

    def unwatch(self) -> None:
        """Leave the loop as it was."""
        self._loop.set_task_factory(self._factory)

    def all(self) -> list[Future]:
        """Return those that are there."""
        return list(self._tasks)

    def _made(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **how: Any
    ) -> Future:
        make: Any = self._factory
        task: Future = (
            asyncio.Task(work, loop=loop, **how) if make is None else make(loop, work, **how)
        )
        if _WHOSE.get() is self:
            self._tasks[task] = None
        return task
