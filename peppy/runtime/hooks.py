"""Shutdown hooks: what a node has registered to be done, for certain, before it is gone.

Source: seed 004. The last one registered runs first, as resources are given back in the reverse of
the order in which they were taken; one after the other, all within one grace. The grace is enforced
where a hook awaits: a plain one that blocks holds up everything, and nobody inside of the node can
help it.
"""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, cast

import anyio
import msgspec

from peppy.runtime.output import complain, complain_of
from peppy.runtime.transport.waiting import on_trio
from peppy.schema.leaving import Leaving, LeavingStep

Callback = Callable[[], object]
"""Plain or `async`; what it returns is awaited if it can be."""

Tell = Callable[[Leaving], None]

OnFailure = Callable[[BaseException], None]

Start = Callable[[Callable[[], Coroutine[Any, Any, None]], str], object]
"""Has a coroutine function run, under a name, as a task of the node until those are torn down."""

GRACE_SETTING: Final = "lifecycle.shutdown_grace_secs"


class Hook(msgspec.Struct, frozen=True, eq=False):
    """One registered callback."""

    callback: Callback
    name: str
    is_async: bool
    """Whether it is written as `async`; one that is not may return an awaitable all the same."""


class Hooks:
    """The hooks of one node, until they have run."""

    def __init__(self) -> None:
        self.on_failure: OnFailure | None = None
        """Told what a hook raises, besides its being printed."""
        self._waiting: list[Hook] = []
        self._begun = False

    def add(self, callback: Callback) -> None:
        """Run `callback` at shutdown, before all that are there already.

        Once the hooks run it is too late: the callback is refused with a line on standard error.
        Raises `TypeError` for what cannot be called.
        """
        if not callable(callback):
            kind = type(callback).__qualname__
            raise TypeError(f"a shutdown hook is a function, not a value of type '{kind}'")
        hook = Hook(callback, hook_name(callback), _is_async(callback))
        if self._begun:
            complain(
                f"warning: shutdown hook '{hook.name}' is refused and will not run: it was"
                " registered after the hooks had begun; register hooks in 'setup', as soon as what"
                " they release is there"
            )
        else:
            self._waiting.append(hook)

    def forget(self) -> None:
        """Run none of those that have not begun: the node is gone already."""
        self._waiting.clear()
        self._begun = True

    async def run(self, deadline: float, grace: float, start: Start, tell: Tell) -> None:
        """Run them all, by the loop's clock until `deadline`, which is the end of `grace` seconds.

        The one that still runs then is left to `start`, whose tasks are torn down next. It and
        those whose turn has not come are named on standard error. What a hook raises is printed.
        Cancelling this does not keep it from anything.
        """
        self._begun = True
        while self._waiting:
            if anyio.current_time() >= deadline:
                self._give_up(grace)
                return
            hook = self._waiting.pop()
            turn = _Turn(hook, deadline, tell, self.on_failure)
            start(turn.take, f"shutdown hook '{hook.name}'")
            if not await _within(deadline, turn.over):
                turn.abandoned = True
                self._warn(
                    f"shutdown hook '{hook.name}' is abandoned: it was still running after"
                    f" the {grace:g} s that all hooks have together ({GRACE_SETTING})"
                )

    def _give_up(self, grace: float) -> None:
        names = ", ".join(f"'{hook.name}'" for hook in reversed(self._waiting))
        self._waiting.clear()
        self._warn(
            f"not run for want of time: shutdown hook {names}; those before took the"
            f" {grace:g} s that all hooks have together ({GRACE_SETTING})"
        )

    def _warn(self, sentence: str) -> None:
        complain(f"warning: {sentence}")
        if self.on_failure is not None:
            self.on_failure(TimeoutError(sentence))


class _Turn:
    """One hook while it runs, in a task of its own."""

    def __init__(
        self, hook: Hook, deadline: float, tell: Tell, on_failure: OnFailure | None
    ) -> None:
        self.over = anyio.Event()
        self.abandoned = False
        self._hook = hook
        self._deadline = deadline
        self._tell = tell
        self._on_failure = on_failure

    async def take(self) -> None:
        """Call the hook, and await what it returns if that can be awaited."""
        try:
            self._say(is_async=self._hook.is_async)
            returned = self._hook.callback()
            if isinstance(returned, Awaitable):
                if not self._hook.is_async:
                    self._say(is_async=True)
                await cast("Awaitable[object]", returned)
        except (Exception, SystemExit) as error:
            complain_of(f"error: shutdown hook '{self._hook.name}' failed", error)
            if self._on_failure is not None:
                self._on_failure(error)
        except anyio.get_cancelled_exc_class() as error:
            if on_trio() or self.abandoned:
                raise
            # Not we have cancelled it: it awaits a task that it has cancelled, say.
            complain_of(f"error: shutdown hook '{self._hook.name}' was cancelled", error)
        finally:
            self.over.set()

    def _say(self, *, is_async: bool) -> None:
        left = max(0.0, self._deadline - anyio.current_time())
        self._tell(Leaving(LeavingStep.HOOK, self._hook.name, left, is_async))


async def _within(deadline: float, over: anyio.Event) -> bool:
    """Say whether it was over by then, whoever cancels what.

    Under asyncio, cleaning up is often written as cancelling every task there is, ours with them.
    """
    while not over.is_set() and anyio.current_time() < deadline:
        try:
            with anyio.CancelScope(deadline=deadline, shield=True):
                await over.wait()
        except anyio.get_cancelled_exc_class():
            me = None if on_trio() else asyncio.current_task()
            if me is None:
                raise
            me.uncancel()
    return over.is_set()


def hook_name(callback: object) -> str:
    """Return what a callback is called: its function's name, with its class if it has one."""
    if isinstance(callback, functools.partial):
        function: object = callback.func  # pyright: ignore[reportUnknownMemberType]
        return hook_name(function)
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    return str(name).rpartition("<locals>.")[2]


def _is_async(callback: object) -> bool:
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(
        getattr(callback, "__call__", None)  # noqa: B004  # an object whose call is `async`
    )
