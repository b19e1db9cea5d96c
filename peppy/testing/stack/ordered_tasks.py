"""Tasks of asyncio that stand in sets in an order that does not depend on where they lie in memory.

Task groups, asyncio's own and anyio's, keep their tasks in sets, and cancel them in that order.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class OrderedTask(asyncio.Task[T]):
    """The task of this number on its loop."""

    def __init__(
        self,
        coroutine: Generator[Any, None, T] | Coroutine[Any, Any, T],
        number: int,
        *,
        loop: asyncio.AbstractEventLoop,
        **options: Any,
    ) -> None:
        self._number = number  # first: a task is put into a set while it is made
        super().__init__(coroutine, loop=loop, **options)

    def __hash__(self) -> int:
        """Return its number."""
        return self._number

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same task."""
        return self is other
