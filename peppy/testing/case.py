"""One test that is a coroutine function: run on a loop of its own, fixtures and all in one task."""

import linecache
from collections.abc import (
    AsyncGenerator,
    Callable,
    Coroutine,
    Generator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import FrameType
from typing import Any, Final

import anyio

from peppy.testing.seeding import seeded
from peppy.testing.virtual_time import Patience, run_virtually

LOOPS: Final = ("asyncio", "trio")

LONGEST: Final = 3600.0
"""Virtual seconds that a test may take: a node that ticks for ever would never let it end."""

Test = Callable[..., Coroutine[Any, Any, None]]


class PendingFixture:
    """A fixture that needs the loop; it is set up once that runs."""

    def __init__(self, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
        self.function = function
        self.arguments = arguments

    def __repr__(self) -> str:
        return f"<pending fixture {self.function.__name__}>"


class Case:
    """How one test is to be run."""

    def __init__(
        self, loop: str, seed: int, *, real_time: bool = False, longest: float = LONGEST
    ) -> None:
        self.loop = loop
        self.seed = seed
        self.real_time = real_time
        self.longest = longest
        """Virtual seconds after which it is given up."""

    def run(self, test: Test, arguments: Mapping[str, Any]) -> None:
        """Run a test to its end; raises what it does."""
        try:
            with seeded(self.seed):
                self._run(_Body(test, arguments))
        except BaseExceptionGroup as group:
            # A nursery around the test's body says by a group what is one failure.
            if (only := _only(group)) is not None:
                raise only from None
            raise

    def _run(self, body: "_Body") -> None:
        if self.real_time:
            anyio.run(body.run, backend=self.loop)
        else:
            run_virtually(self.loop, body.run, Patience(self.longest, body.where))

    def __repr__(self) -> str:
        time = "real" if self.real_time else "virtual"
        return f"<Case on {self.loop}, {time} time, seed {self.seed}>"


def needs_loop(function: Callable[..., Any], arguments: Mapping[str, Any]) -> bool:
    """Return whether a fixture's function can only be called while the loop runs."""
    awaited = iscoroutinefunction(function) or isasyncgenfunction(function)
    return awaited or any(isinstance(value, PendingFixture) for value in arguments.values())


class _Body:
    """A test while it runs."""

    def __init__(self, test: Test, arguments: Mapping[str, Any]) -> None:
        self._test = test
        self._arguments = arguments
        self._running: Coroutine[Any, Any, None] | None = None

    async def run(self) -> None:
        """Run it, with its fixtures around it."""
        async with AsyncExitStack() as stack:
            arguments = await _ready(self._arguments, {}, stack)
            self._running = self._test(**arguments)
            await self._running

    def where(self) -> str:
        """Return at which of its lines the test waits."""
        frame: FrameType | None = getattr(self._running, "cr_frame", None)
        if frame is None:
            return ""
        file, number = frame.f_code.co_filename, frame.f_lineno
        return f"\nthe test waits at {file}:{number}: {linecache.getline(file, number).strip()}"


async def _ready(
    arguments: Mapping[str, Any], values: dict[PendingFixture, Any], stack: AsyncExitStack
) -> dict[str, Any]:
    """Return the arguments with fixtures set up, each once and after those that it needs."""
    ready = dict(arguments)
    for name, value in arguments.items():
        if isinstance(value, PendingFixture):
            if value not in values:
                given = await _ready(value.arguments, values, stack)
                values[value] = await _set_up(value.function, given, stack)
            ready[name] = values[value]
    return ready


async def _set_up(
    function: Callable[..., Any], arguments: Mapping[str, Any], stack: AsyncExitStack
) -> Any:
    if isasyncgenfunction(function):
        return await stack.enter_async_context(_lasting(function, arguments))
    if isgeneratorfunction(function):
        return stack.enter_context(_lasting_plainly(function, arguments))
    value = function(**arguments)
    return await value if iscoroutinefunction(function) else value


@asynccontextmanager
async def _lasting(
    function: Callable[..., AsyncGenerator[Any, None]], arguments: Mapping[str, Any]
) -> AsyncGenerator[Any, None]:
    async with asynccontextmanager(function)(**arguments) as value:
        yield value


@contextmanager
def _lasting_plainly(
    function: Callable[..., Generator[Any, None, None]], arguments: Mapping[str, Any]
) -> Generator[Any, None, None]:
    with contextmanager(function)(**arguments) as value:
        yield value


def _only(failure: BaseException) -> BaseException | None:
    """Return the failure that a group consists of, where it is one."""
    inner: Sequence[BaseException] = getattr(failure, "exceptions", ())
    if not inner:
        return failure
    return _only(inner[0]) if len(inner) == 1 else None
