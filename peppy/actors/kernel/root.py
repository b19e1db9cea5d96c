"""The root: where a tree of actors begins, and how to look at one that runs."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio

from peppy.actors.kernel.actor import Actor
from peppy.actors.kernel.cell import Cell, Plan
from peppy.actors.kernel.ref import ActorEnded, Ref
from peppy.actors.kernel.system import OnFailure, System

M = TypeVar("M")


@asynccontextmanager
async def run_actor(
    factory: Callable[[], Actor[M]],
    *,
    name: str = "root",
    grace: float = 5.0,
    on_failure: OnFailure | None = None,
) -> AsyncGenerator[Ref[M], None]:
    """Run an actor, and all that it spawns, for as long as the block lasts.

    Leaving the block, by an error too, stops the tree in reverse order within `grace` seconds. If
    the root fails, the block is cancelled and the root's error is raised. `on_failure` is told of
    every failure in the tree at once; without it failures go to the log.
    """
    own: Exception | None = None
    root = Cell(System(on_failure), Plan(name, name, factory, grace))
    async with trio.open_nursery() as nursery:
        root.start()
        nursery.start_soon(root.run, name=name)
        block = trio.CancelScope()
        root.end.watch(lambda ended: block.cancel() if ended.error is not None else None)
        # Kept until the tree has stopped, so that the nursery does not wrap it in a group.
        try:
            with block:
                yield root.ref
        except Exception as error:
            own = error
        root.halt()
        ended = await root.end.wait()
    if ended.error is None:
        if own is not None:
            raise own
    elif own is None or own is ended.error or isinstance(own, ActorEnded):
        raise ended.error
    else:
        raise ExceptionGroup(f"'{name}' failed, and so did its block", [ended.error, own])


def describe(ref: Ref[Any]) -> str:
    """Return the tree below `ref` as text, one actor to a line, for people who debug."""
    return "\n".join(_lines(ref, ref.path, 0))


def _lines(ref: Ref[Any], shown: str, depth: int) -> Iterator[str]:
    numbers = ref.statistics()
    line = f"{'  ' * depth}{shown}#{ref.number} {ref.phase.value}"
    line += f", received {numbers.received}, waiting {numbers.waiting}"
    if numbers.restarts:
        line += f", restarts {numbers.restarts}"
    if numbers.busiest is not None:
        line += f", busiest with {numbers.busiest.message} ({numbers.busiest.seconds:.3f} s)"
    yield line
    for child in ref.children:
        yield from _lines(child, child.name, depth + 1)
