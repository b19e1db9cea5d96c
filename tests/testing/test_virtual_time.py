"""Loops on a clock that jumps."""

import asyncio
import threading
import time

import anyio
import anyio.to_thread
import pytest

from peppy.testing import virtual_time
from peppy.testing.virtual_time import NothingWillHappen, run_virtually

BACKENDS = ["asyncio", "trio"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_year_passes_at_once_and_everybody_wakes_in_order(backend: str) -> None:
    woken: list[float] = []

    async def sleep(days: float) -> None:
        await anyio.sleep(days * 86400)
        woken.append(anyio.current_time() / 86400)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for days in (365, 1, 30):
                tasks.start_soon(sleep, days)

    began = time.monotonic()
    run_virtually(backend, main)
    assert woken == pytest.approx([1, 30, 365])
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("backend", BACKENDS)
def test_tasks_that_wait_for_one_another_are_given_up(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual_time, "HANGING", 0.01)
    cleaned_up: list[str] = []

    async def main() -> None:
        try:
            await anyio.sleep(10)
            await anyio.Event().wait()
        finally:
            cleaned_up.append(backend)

    with pytest.raises(NothingWillHappen, match="every task waits"):
        run_virtually(backend, main)
    assert cleaned_up == [backend]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_that_still_works_is_waited_for(backend: str) -> None:
    async def main() -> None:
        assert await anyio.to_thread.run_sync(sum, (1, 2)) == 3

    run_virtually(backend, main)


def test_time_stands_still_for_a_job_on_a_thread_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(0.001):
            await asyncio.to_thread(time.sleep, 0.05)
        assert loop.time() < 0.001
        monkeypatch.setattr(virtual_time, "JOB_PATIENCE", 0.05)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(released.wait), 5.0)
        assert loop.time() >= 5.0
        released.set()

    run_virtually("asyncio", main)
