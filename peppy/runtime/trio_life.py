"""A node's own code on Trio: its `setup`, and the nursery that it fills.

The only module that imports Trio; nothing imports it before a node asks for Trio.
"""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any

import trio

from peppy.runtime.hooks import OnFailure
from peppy.runtime.leaving import Departure
from peppy.runtime.outstaying import complain_of_outstaying
from peppy.runtime.setup import outcome
from peppy.runtime.token import CancellationToken
from peppy.schema.durations import TASK_TEARDOWN


class TrioLife:
    """One node between the call of its `setup` and the end of its nursery.

    An exception of a task cancels the nursery and comes out, in an exception group, as Trio's own
    programs do it.
    """

    def __init__(
        self,
        token: CancellationToken,
        interruption: CancellationToken,
        on_stuck: Callable[[], None],
        on_failure: OnFailure | None = None,
    ) -> None:
        """Keep the tokens; `on_stuck` is called when a cancelled task outstays its time.

        `on_failure` is told which one that was.
        """
        self._token = token
        self._interruption = interruption
        self._on_stuck = on_stuck
        self._on_failure = on_failure

    async def run(
        self,
        setup: Callable[[trio.Nursery], object],
        ready: Callable[[], None],
        departure: Departure,
    ) -> None:
        """Call `setup`, then `ready`; once the token is cancelled take the steps of `departure`.

        The exception of `setup` comes out as it is, those of the tasks in an exception group.
        """
        failure: BaseException | None = None
        failures: BaseException | None = None
        watch = trio.CancelScope()
        # `setup` and the hooks have a nursery of their own: they go on for a while when a task of
        # the node's nursery has failed and cancelled that.
        async with trio.open_nursery() as own:
            try:
                async with trio.open_nursery() as nursery:
                    try:
                        returned = await self._set_up(setup, nursery, own, departure)
                        if not self._token.is_cancelled():
                            ready()
                        await self._token.cancelled()
                        del returned
                    except (Exception, SystemExit) as error:
                        failure = error
                    finally:
                        await self._leave(nursery, own, departure, watch)
            except BaseExceptionGroup as group:
                # Kept out of the other nursery, which would wrap it; what that has cancelled is no
                # failure.
                _, failures = group.split(trio.Cancelled)
        watch.cancel()
        if failure is not None:
            raise failure from failures
        if failures is not None:
            raise failures

    async def _leave(
        self,
        nursery: trio.Nursery,
        own: trio.Nursery,
        departure: Departure,
        watch: trio.CancelScope,
    ) -> None:
        """Take the steps of an end, up to the cancelling of what is left."""
        self._token.cancel()
        await departure.run_hooks(lambda work, name: own.start_soon(work, name=name))
        departure.ending_tasks()
        # What it says is the node's, where many share a process.
        context = copy_context()
        trio.lowlevel.spawn_system_task(self._count_down, (own, nursery), watch, context=context)
        nursery.cancel_scope.cancel()
        own.cancel_scope.cancel()

    async def _set_up(
        self,
        setup: Callable[[trio.Nursery], object],
        nursery: trio.Nursery,
        own: trio.Nursery,
        departure: Departure,
    ) -> object:
        """Return what `setup` does, or None if it was broken off."""
        if self._interruption.is_cancelled():
            return None
        setting_up = _SettingUp()
        own.start_soon(setting_up.run, lambda: setup(nursery), name="setup")
        interrupted = trio.Event()
        try:
            with self._interruption.calling(interrupted.set):
                await setting_up.over_or(interrupted)
        finally:
            if not setting_up.over.is_set():
                budget = departure.cancelling_setup()
                setting_up.scope.cancel()
                with trio.CancelScope(shield=True, deadline=trio.current_time() + budget):
                    await setting_up.over.wait()
                if not setting_up.over.is_set():
                    complain_of_outstaying("setup", budget, self._on_failure)
        return setting_up.result()

    async def _count_down(
        self, nurseries: tuple[trio.Nursery, ...], watch: trio.CancelScope
    ) -> None:
        with watch:
            await trio.sleep(TASK_TEARDOWN)
            own, nursery = nurseries
            stuck = [task.name for task in own.child_tasks]
            stuck += [f"task '{task.name}'" for task in nursery.child_tasks]
            who = ", ".join(sorted(stuck)) or "the node"
            tasks = own.child_tasks | nursery.child_tasks
            complain_of_outstaying(who, TASK_TEARDOWN, self._on_failure, tasks)
            self._on_stuck()


class _SettingUp:
    """A `setup` in a task of its own, which can be left behind."""

    def __init__(self) -> None:
        self.over = trio.Event()
        self.scope = trio.CancelScope()
        self._returned: object = None
        self._failure: BaseException | None = None

    async def run(self, setup: Callable[[], object]) -> None:
        """Call `setup` and keep what comes of it."""
        try:
            with self.scope:
                self._returned = await outcome(setup())
        except (Exception, SystemExit) as error:
            self._failure = error
        finally:
            self.over.set()

    async def over_or(self, event: trio.Event) -> None:
        """Return once it is over or `event` is set."""
        async with trio.open_nursery() as waiting:
            for either in (self.over, event):
                waiting.start_soon(_end_with, either, waiting.cancel_scope)

    def result(self) -> object:
        """Return what `setup` returned, if it did; raise what it raised."""
        if self._failure is not None:
            raise self._failure
        return self._returned


async def _end_with(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def run_on_trio(main: Callable[[], Any]) -> None:
    """Run the coroutine function `main` on Trio, on this thread."""
    trio.run(main)
