"""The builder: from a node's `main` to its whole life as a process. Source: behaviour.md 8.10."""

import contextlib
import importlib
import os
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, Self, TypeVar, cast, overload

import anyio

from peppy.runtime import output
from peppy.runtime.asyncio_life import run_on_asyncio
from peppy.runtime.binding import Binding, Parameters
from peppy.runtime.document import compare_document
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.process_end import bound_end, code_of
from peppy.runtime.runner import NodeRunner
from peppy.runtime.settings import Settings, standalone_settings, supervised, supervised_settings
from peppy.runtime.setup import NoTrio, Setup, wants_nursery
from peppy.runtime.signals import Signals
from peppy.runtime.standalone import StandaloneConfig
from peppy.runtime.transport.zenoh import open_peer
from peppy.schema.durations import TASK_TEARDOWN
from peppy.schema.errors import PeppyError

P = TypeVar("P", bound=Parameters)

LANDLORD: Final[ContextVar[Callable[["NodeBuilder[Any]", Setup], NoReturn] | None]] = ContextVar(
    "peppy_landlord", default=None
)
"""Takes the node over where many live in one process, and never returns."""


class NoBindings(PeppyError):
    """There is no `peppygen` to say what this node is."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the node's bindings cannot be imported: {reason}",
            hint="run 'peppy node sync' and install '.peppy/libs/peppygen' into the environment",
        )


class NodeBuilder(Generic[P]):
    """Says how a node runs, then runs it: `NodeBuilder().run(setup)`.

    The generated `peppygen.NodeBuilder` carries its node's `binding`; this one looks for it there.
    """

    binding: Binding[P] | None = None

    def __init__(self) -> None:
        self._standalone = StandaloneConfig()
        self._document: Path | None = None

    def standalone(self, config: StandaloneConfig) -> Self:
        """Run with `config` as a plain program; it is ignored when the daemon starts the node."""
        self._standalone = config
        return self

    def with_config_path(self, path: str | os.PathLike[str]) -> Self:
        """Compare the bindings with the document at `path`.

        Without it, that is the nearest `peppy.json5` in the working directory and above it. A
        variant's root is the nearest one with a manifest above that.
        """
        self._document = Path(path)
        return self

    @overload
    def run(self, setup: Callable[[P, NodeRunner], object]) -> None: ...

    @overload
    def run(self, setup: Callable[[P, NodeRunner, Any], object]) -> None: ...

    def run(self, setup: Setup) -> None:
        """Connect, call `setup`, and return when the node has shut down.

        `setup(params, node_runner)`, plain or `async`, runs on asyncio; it returns the background
        tasks that it started (or None). If one of them fails, its traceback is printed and shutdown
        begins; if all end, the node runs on.

        `setup(params, node_runner, nursery)`, plain or `async`, runs on Trio, with the node's
        tasks in `nursery: trio.Nursery`; the exception of one comes out in an exception group.

        When shutdown begins the token is cancelled; then run the hooks of
        `NodeRunner.on_shutdown`, with everything else still at work; then the tasks are cancelled,
        and the node disconnects. SIGINT and SIGTERM begin shutdown, the daemon does, and an error;
        a second signal ends the process at once, with 130 or 143. Raises what
        `setup` raises; `RuntimeError` for missing parameters; `PeppyError` for what a person can
        put right.
        """
        if (landlord := LANDLORD.get()) is not None:
            landlord(self, setup)
        nursed = wants_nursery(setup)
        run_on_trio = _trio_driver() if nursed else None
        binding = self._binding()
        settings = self._settings(binding)
        occupancy = Occupancy(owns_loop=not nursed, on_stuck=_leave)

        async def main() -> None:
            transport = None
            with anyio.CancelScope() as opening, occupancy.interruption.calling(opening.cancel):
                transport = await open_peer(settings.host, settings.port, settings.mode)
            if transport is not None:  # else the node has ended before it has begun
                await run_node(binding, setup, settings, transport, occupancy)

        with Signals(occupancy.token, occupancy.interruption), _ending(settings):
            if run_on_trio is not None:
                run_on_trio(main)
            else:
                grace = settings.lifecycle.shutdown_grace_secs
                run_on_asyncio(main, patience=grace + TASK_TEARDOWN)

    def _binding(self) -> Binding[P]:
        if self.binding is not None:
            return self.binding
        try:
            peppygen = importlib.import_module("peppygen")
            return cast("Binding[P]", peppygen.NodeBuilder.binding)
        except (ImportError, AttributeError) as error:
            raise NoBindings(str(error)) from None

    def _settings(self, binding: Binding[P]) -> Settings:
        if supervised():
            output.outlive_readers()
            return supervised_settings(binding, os.environ)
        compare_document(self._document, binding.config_sha256, binding.root_sha256)
        return standalone_settings(binding, self._standalone, os.environ)


@contextlib.contextmanager
def _ending(settings: Settings) -> Generator[None]:
    """Bound the end of a supervised process, whose daemon may be gone, once the node is."""
    code = 0
    try:
        yield
    except BaseException as error:
        code = code_of(error)
        raise
    finally:
        if settings.supervised:
            bound_end(code)


def _trio_driver() -> Callable[[Callable[[], Awaitable[None]]], None]:
    try:
        from peppy.runtime.trio_life import run_on_trio
    except ModuleNotFoundError as error:
        if error.name != "trio":
            raise
        raise NoTrio from None
    return run_on_trio


def _leave() -> None:
    """End the process now: a nursery is never left before its last task, and that one hangs."""
    output.flush()
    os._exit(1)
