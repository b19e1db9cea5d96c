"""A node's messages on a thread that is not the node's: refused, where they would be lost."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from peppy.runtime.runner import NodeRunner, OtherThread
from peppy.runtime.services import ConsumedService
from peppy.runtime.topics import ConsumedTopic, EmittedTopic
from peppy.runtime.transport.memory import MemoryNetwork
from tests.runtime.memory_nodes import runner_on


@dataclass(slots=True)
class Message:
    message: str


FORMAT = {"message": "string"}
EMITTED = EmittedTopic("news", "standard", FORMAT, Message)
CONSUMED = ConsumedTopic("camera", "news", "standard", FORMAT, Message)
CALLED = ConsumedService("camera", "ask", None, None, None, None, None)

Call = Callable[[NodeRunner], Coroutine[Any, Any, object]]


async def call(runner: NodeRunner) -> object:
    return await CALLED.poll(runner, None, 1)


async def subscribe(runner: NodeRunner) -> object:
    async with CONSUMED.subscribe(runner) as messages:
        return await anext(messages)


@pytest.mark.parametrize("use", [EMITTED.outlet, CONSUMED.next_message, subscribe, call])
def test_a_loop_on_another_thread_is_told_where_messages_belong(use: Call) -> None:
    async def node() -> None:
        runner = runner_on(MemoryNetwork())
        with pytest.raises(OtherThread, match="run_coroutine_threadsafe"):
            await asyncio.to_thread(asyncio.run, use(runner))

    asyncio.run(node())


def test_a_call_that_is_handed_over_is_made() -> None:
    async def node() -> None:
        runner = runner_on(MemoryNetwork())
        loop = asyncio.get_running_loop()

        def hand_over() -> object:
            return asyncio.run_coroutine_threadsafe(EMITTED.outlet(runner), loop).result(5)

        assert await asyncio.to_thread(hand_over) is runner.outlets[EMITTED]

    asyncio.run(node())
