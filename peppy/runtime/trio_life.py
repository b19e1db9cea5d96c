"""A node's own code on Trio: its `setup`, and the nursery that it fills.

The only module that imports Trio; nothing imports it before a node asks for Trio.
"""

from collections.abc import Callable
from typing import Any

import trio

from peppy.runtime.output import complain
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
    ) -> None:
        """Keep the tokens; `on_stuck` is called when a cancelled task outstays its time."""
        self._token = token
        self._interruption = interruption
        self._on_stuck = on_stuck

    async def run(self, setup: Callable[[trio.Nursery], object], ready: Callable[[], None]) -> None:
        """Call `setup`, then `ready`; return once the token is cancelled and the nursery empty.

        The exception of `setup` comes out as it is, those of the tasks in an exception group.
        """
        failure: Exception | None = None
        watch = trio.CancelScope()
        try:
            async with trio.open_nursery() as nursery:
                try:
                    returned = await self._set_up(setup, nursery)
                    if not self._token.is_cancelled():
                        ready()
                    await self._token.cancelled()
                    del returned
                except Exception as error:
                    failure = error
                finally:
                    self._token.cancel()
                    nursery.cancel_scope.cancel()
                    trio.lowlevel.spawn_system_task(self._count_down, nursery, watch)
        except BaseExceptionGroup as group:
            if failure is None:
                raise
            raise failure from group
        finally:
            watch.cancel()
        if failure is not None:
            raise failure

    async def _set_up(
        self, setup: Callable[[trio.Nursery], object], nursery: trio.Nursery
    ) -> object:
        if self._interruption.is_cancelled():
            return None
        with trio.CancelScope() as scope, self._interruption.calling(scope.cancel):
            return await outcome(setup(nursery))
        return None

    async def _count_down(self, nursery: trio.Nursery, watch: trio.CancelScope) -> None:
        with watch:
            await trio.sleep(TASK_TEARDOWN)
            names = ", ".join(sorted(f"task '{task.name}'" for task in nursery.child_tasks))
            complain(
                f"warning: {names or 'setup'} did not end within {TASK_TEARDOWN:g} s of being"
                " cancelled"
            )
            self._on_stuck()


def run_on_trio(main: Callable[[], Any]) -> None:
    """Run the coroutine function `main` on Trio, on this thread."""
    trio.run(main)
