"""A node's `setup`: how it is written says which loop runs it.

`setup(params, node_runner)` runs on asyncio. A third parameter asks for Trio and gets the nursery
in which the node's own tasks live. Either may be a plain function or `async`.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import cast

from peppy.schema.errors import PeppyError

Setup = Callable[..., object]

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class NoTrio(PeppyError):
    """A node asks for Trio where it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "a 'setup' with a third parameter, the nursery, runs on Trio, which is not installed",
            hint="add 'trio' to the node's dependencies, or take only (params, node_runner)",
        )


def wants_nursery(setup: Setup) -> bool:
    """Say whether `setup` has a third parameter without a default."""
    try:
        parameters = inspect.signature(setup).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [p for p in parameters if p.kind in _POSITIONAL and p.default is p.empty]
    return len(required) >= 3


async def outcome(returned: object) -> object:
    """Return what a `setup` comes to: awaited if it is a coroutine, else as it is.

    A task is none: it is what the node goes on with, and waiting for it would take forever.
    """
    if isinstance(returned, Awaitable) and not isinstance(returned, asyncio.Future):
        return await cast("Awaitable[object]", returned)
    return returned  # pyright: ignore[reportUnknownVariableType]
