"""How these nodes run: on either loop, and by commands between the measurements."""

import importlib
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import anyio.to_thread

from benchmarks.messages.answering import Answer, failure, parsed, say, say_ready
from peppylib import NodeRunner

Work = Callable[[NodeRunner], Coroutine[Any, Any, None]]

NAME: Final = "arm"
POSITIONS: Final = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]

STUCK: Final = 30.0
"""Seconds after which a measurement is given up."""


def generated(name: str) -> Any:
    """Return a module of the bindings, or None if this generator makes no such module."""
    path = f"peppygen.{name}"
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        return None


def run(*works: Work) -> None:
    """Run a node whose tasks are these, on the loop that the command line names."""

    async def on_asyncio(params: object, node_runner: NodeRunner) -> list[Any]:
        import asyncio  # a node on Trio does without

        return [asyncio.create_task(work(node_runner)) for work in works]

    async def on_trio(params: object, node_runner: NodeRunner, nursery: Any) -> None:
        for work in works:
            nursery.start_soon(work, node_runner)

    node = importlib.import_module("peppygen").NodeBuilder()
    node.run(on_trio if sys.argv[1] == "trio" else on_asyncio)


async def obey(
    node_runner: NodeRunner, commands: Mapping[str, Callable[..., Awaitable[Answer]]]
) -> None:
    """Carry out commands until standard input ends; then shut the node down."""
    say_ready()
    while line := await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        name, arguments = parsed(line)
        try:
            say({"answer": await commands[name](**arguments)})
        except Exception as error:
            say(failure(error))
    node_runner.cancellation_token().cancel()
