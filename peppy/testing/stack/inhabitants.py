"""Node instances that live in this process: a node's own code, from its `main` to its end.

What differs from a process of its own:

- what follows `NodeBuilder().run(setup)` in `main` is not executed, and what `main` has opened
  around it is closed before `setup` is called;
- an instance that is killed leaves its asyncio tasks as they are; those of Trio are cancelled, so
  that each `finally` in them runs, with nobody who hears what they say or send;
- one that hangs stands still if it runs on asyncio; on Trio only its messages do;
- `time` and `random` are virtual in its own modules, and real in those of others, as is `datetime`;
- threads of its own making print to the test's output, and nothing waits for them;
- `os.environ` is each one's own, while what it starts without `env=` has that of this process; the
  working directory and all that the standard library keeps for a process are shared: signals,
  `sys.modules`, the loggers of libraries.
"""

import sys
import traceback
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from types import ModuleType, TracebackType
from typing import Any, Final, NoReturn

import trio

from peppy.actors.host.memory_processes import Stage
from peppy.runtime.binding import Binding
from peppy.runtime.builder import LANDLORD, NodeBuilder
from peppy.runtime.lifecycle import Occupancy, run_node
from peppy.runtime.outstaying import Outstayed
from peppy.runtime.process_end import code_of
from peppy.runtime.runner import End, NodeRunner
from peppy.runtime.settings import Settings, told_settings
from peppy.runtime.setup import Setup, wants_nursery
from peppy.schema.durations import TASK_TEARDOWN
from peppy.testing.giving_up import give_up, not_spinning
from peppy.testing.stack.alarms import sleeping_by_alarms
from peppy.testing.stack.asyncio_loop import DrivenLoop, run_driven
from peppy.testing.stack.asyncio_remains import bury
from peppy.testing.stack.carrier import Here, running_loop
from peppy.testing.stack.entry_points import EntryPoint, NotInProcess, entry_point
from peppy.testing.stack.environments import living_in, routed_environments
from peppy.testing.stack.importing import PACKAGE, Modules, bindings, node_modules, source_at
from peppy.testing.stack.machine import Tenant
from peppy.testing.stack.output import Voice, routed, speaking_to
from peppy.testing.stack.virtual_modules import own_logging, seeded_random, virtual_time

FROZEN: Final = "time.sleep() takes no time where nodes share a process: it would hold up all"


class _Moved(BaseException):
    """Leaves a node's `main`: its builder and its `setup` have been taken over."""

    def __init__(self, builder: NodeBuilder[Any], setup: Setup) -> None:
        super().__init__()
        self.builder = builder
        self.setup = setup


def _take_over(builder: NodeBuilder[Any], setup: Setup) -> NoReturn:
    raise _Moved(builder, setup)


@contextmanager
def inhabited() -> Generator[None]:
    """Inside the block instances may live here: output and environment of each are its own.

    At the end all is let go of what killed ones have left; nobody hears what comes of that.
    """
    with routed(), routed_environments(), sleeping_by_alarms():
        try:
            yield
        finally:
            bury()


class Inhabitant:
    """One start of one instance."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._voice: Voice | None = None
        self._occupancy = Occupancy(owns_loop=True, on_failure=_let_go, on_stuck=self._be_stuck)
        self._loop: DrivenLoop | None = None
        self._runner: NodeRunner | None = None
        self._frozen = self._warned = self._gone = False
        self._code: int | None = None
        self._over = trio.Event()
        self._scope = trio.CancelScope()
        self._task: trio.lowlevel.Task | None = None

    async def play(self, stage: Stage) -> int:
        """Live the instance's whole life; return its exit code. Cancelled, it is killed."""
        voice = self._voice = Voice(stage.print)
        terminated = stage.handle_terminate()
        with speaking_to(voice), living_in(self._tenant.environment):
            context = copy_context()
        # A task of Trio's own: one that is killed may still unwind when this has returned.
        self._task = trio.lowlevel.spawn_system_task(self._live, context=context)
        try:
            async with trio.open_nursery() as watching:
                watching.start_soon(self._end_when, terminated)
                await self._over.wait()
                watching.cancel_scope.cancel()
        except BaseException:
            self._be_killed()
            raise
        voice.end()
        return 1 if self._code is None else self._code

    @property
    def on_asyncio(self) -> bool:
        """Whether it has a loop of its own, which can stand still."""
        return self._loop is not None

    def freeze(self) -> None:
        """Stand still; what is on Trio goes on, and only its messages can be held back."""
        self._frozen = True
        if self._loop is not None:
            self._loop.freeze()

    def thaw(self) -> None:
        """Go on."""
        self._frozen = False
        if self._loop is not None:
            self._loop.thaw()

    def ends(self) -> tuple[End, ...]:
        """Return the ends of its node's interfaces that are there now, in their order."""
        return () if self._runner is None else self._runner.ends()

    def __repr__(self) -> str:
        return f"<Inhabitant '{self._tenant.instance_id}'>"

    async def _end_when(self, terminated: trio.Event) -> None:
        await terminated.wait()
        self._occupancy.end()

    def _be_killed(self) -> None:
        """Be gone: from now on nothing that the node does is seen or heard."""
        if self._voice is not None:
            self._voice.mute()
        self._tenant.sever()
        if self._loop is not None:
            self._loop.abandon()
        if self._runner is not None:
            self._runner.hooks.forget()
        self._occupancy.end()
        self._scope.cancel()
        if self._loop is None:
            trio.lowlevel.spawn_system_task(self._bury)

    async def _bury(self) -> None:
        """Have what has been killed on Trio end, should it not do so by itself."""
        try:
            await trio.sleep(TASK_TEARDOWN)
        finally:
            if self._task is not None and not self._gone:
                give_up([self._task])

    def _be_stuck(self) -> None:
        """Do what a process does whose Trio task outstays its time: end all the same."""
        self._be_killed()
        self._over.set()

    async def _live(self) -> None:
        """Live, and print what goes wrong as the interpreter does."""
        try:
            with self._scope:
                await self._run()
                self._code = 0
        except SystemExit as leaving:
            self._code = code_of(leaving)
            if leaving.code is not None and not isinstance(leaving.code, int):
                sys.stderr.write(f"{leaving.code}\n")
        except NotInProcess as refusal:
            self._code = 1
            sys.stderr.write(f"error: {refusal}\n")
        except Exception as error:
            self._code = 1
            lines = traceback.format_exception(type(error), error, _in_node_code(error))
            sys.stderr.write("".join(lines))
        finally:
            self._gone = True
            self._over.set()

    async def _run(self) -> None:
        tenant = self._tenant
        execution = tenant.document.execution
        entry = entry_point(tenant.source, () if execution is None else execution.run_cmd)
        generated = bindings(tenant.bindings)
        builder, setup = _taken_over(entry, generated, self._virtual_modules())
        binding: Binding[Any] = builder.binding or generated.load(PACKAGE).NodeBuilder.binding
        settings = told_settings(binding, tenant.config)
        if wants_nursery(setup):
            await self._run_on_trio(binding, setup, settings)
        else:
            await self._run_on_asyncio(binding, setup, settings)

    async def _run_on_trio(self, binding: Binding[Any], setup: Setup, settings: Settings) -> None:
        transport = await self._tenant.open_transport(_here_on_trio())

        def noting(parameters: Any, runner: NodeRunner, nursery: trio.Nursery) -> object:
            self._runner = runner
            return setup(parameters, runner, nursery)

        with not_spinning(self._occupancy.token):
            await run_node(binding, noting, settings, transport, self._occupancy)

    async def _run_on_asyncio(
        self, binding: Binding[Any], setup: Setup, settings: Settings
    ) -> None:
        loop = self._loop = DrivenLoop()
        if self._frozen:
            loop.freeze()
        here = loop.calling_in(copy_context())

        def noting(parameters: Any, runner: NodeRunner) -> object:
            self._runner = runner
            return setup(parameters, runner)

        async def main() -> None:
            transport = await self._tenant.open_transport(here)
            await run_node(binding, noting, settings, transport, self._occupancy)

        await run_driven(loop, main, settings.lifecycle.shutdown_grace_secs + TASK_TEARDOWN)

    def _virtual_modules(self) -> dict[str, ModuleType]:
        clock = trio.lowlevel.current_clock().current_time
        began = clock()
        return {
            "time": virtual_time(self._tenant.now, lambda: clock() - began, self._sleep),
            "random": seeded_random(self._tenant.seed),
            "logging": own_logging(),
        }

    def _sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`."""
        if self._loop is not None and self._loop.sleep_in_job(seconds):
            return
        if not self._warned:
            self._warned = True
            sys.stderr.write(f"warning: {FROZEN}\n")


def _taken_over(
    entry: EntryPoint, generated: Modules, given: dict[str, ModuleType]
) -> tuple[NodeBuilder[Any], Setup]:
    """Run a node's own program until it hands its `setup` over."""
    modules = node_modules(entry.roots, generated, given)
    program = str(entry.script or entry.module.partition(".")[0])
    landlord = LANDLORD.set(_take_over)
    try:
        with _arguments((program, *entry.arguments)):
            _execute(entry, modules)
    except _Moved as moved:
        return moved.builder, moved.setup
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == PACKAGE:
            raise
        raise NotInProcess(
            entry.directory, f"imports '{error.name}', which this process does not have"
        ) from error
    finally:
        LANDLORD.reset(landlord)
    raise NotInProcess(entry.directory, "ends without a call of 'NodeBuilder().run(setup)'")


def _execute(entry: EntryPoint, modules: Modules) -> None:
    if entry.script is not None:
        modules.run(source_at(entry.script))
    elif not entry.function:
        modules.run_module(entry.module)
    else:
        found: Any = modules.load(entry.module)
        for name in entry.function.split("."):
            found = getattr(found, name)
        found()


@contextmanager
def _arguments(words: tuple[str, ...]) -> Generator[None]:
    before, sys.argv = sys.argv, list(words)
    try:
        yield
    finally:
        sys.argv = before


def _let_go(failure: BaseException) -> None:
    """Wait no more for tasks that do not end. What fails is printed; that is all."""
    if isinstance(failure, Outstayed):
        give_up(failure.tasks)


def _here_on_trio() -> Here:
    """Return how to have a function called for the present task, with its context."""
    context = copy_context()
    waiting: deque[Callable[[], object]] = deque()

    def call() -> None:
        while waiting:
            # A copy, since one call may bring about another.
            context.copy().run(waiting.popleft())

    def here(function: Callable[[], object]) -> None:
        waiting.append(function)
        # Inside of another node's asyncio loop Trio's own functions do not know where they are.
        loop = running_loop()
        if loop is None:
            call()
        else:
            loop.afterwards(call)

    return here


def _in_node_code(error: BaseException) -> TracebackType | None:
    """Return an error's traceback without what comes before the node's own code."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_globals.get("__name__")):
        trace = trace.tb_next
    return trace if trace is not None else error.__traceback__


def _is_ours(module: object) -> bool:
    return isinstance(module, str) and module.startswith("peppy.")
