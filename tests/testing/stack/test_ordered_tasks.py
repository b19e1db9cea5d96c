import asyncio
from contextlib import suppress
from typing import Any

from peppy.testing.stack.asyncio_loop import DrivenLoop, run_driven


async def order_of_cancellation(hole: int) -> list[int]:
    """Return in which order the tasks of a group are cancelled, on a loop of its own."""
    order: list[int] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            order.append(number)

    async def main() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0), asyncio.TaskGroup() as group:
                kept: list[object] = []
                for number in range(40):
                    kept += [bytearray(hole) for _ in range(number % 3)]
                    group.create_task(wait(number))
                await asyncio.sleep(0)
                await asyncio.sleep(1000)

    await run_driven(DrivenLoop(), main, 1.0)
    return order


async def test_the_order_in_which_a_group_cancels_its_tasks_is_the_same_wherever_they_lie() -> None:
    first = await order_of_cancellation(16)
    assert sorted(first) == list(range(40))
    for hole in (64, 256, 1024):
        assert await order_of_cancellation(hole) == first


def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    return asyncio.Task(coroutine, loop=loop, **options)


async def test_a_node_may_make_its_tasks_itself() -> None:
    made: list[type] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.create_task(asyncio.sleep(0))
        loop.set_task_factory(make)
        own = asyncio.create_task(asyncio.sleep(0))
        made.append(type(own))
        await own

    await run_driven(DrivenLoop(), main, 1.0)
    assert made == [asyncio.Task]
