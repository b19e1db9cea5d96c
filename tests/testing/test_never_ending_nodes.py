"""A node whose tasks do not end when they are cancelled fails its test, by their names."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from peppy.runtime.outstaying import Outstayed, complain_of_outstaying, complaint_in
from peppy.runtime.runner import NodeRunner
from peppy.testing.booting import NodeEnded
from tests.testing.one_node import BACKENDS, Bench, Spawn

Play = Callable[[NodeRunner, Spawn], Awaitable[None]]


async def stubborn() -> None:
    while True:
        try:
            await anyio.sleep(1)
        except BaseException:
            continue


async def slow() -> None:
    """Cleans up for ten seconds, which nobody grants it."""
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(10)


async def stubborn_inside() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(stubborn)
        await stubborn()


def doing(work: Callable[[], Awaitable[None]]) -> Play:
    async def play(runner: NodeRunner, spawn: Spawn) -> None:
        spawn(work)

    return play


@pytest.mark.parametrize("work", [stubborn, slow, stubborn_inside])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_task_that_does_not_end_fails_the_test_by_its_name(
    backend: str, work: Callable[[], Awaitable[None]]
) -> None:
    async def main() -> None:
        async with Bench(backend).rover(doing(work)):
            await anyio.sleep(1)

    says = rf"task '.*{work.__name__}' did not end within 5 s of being cancelled: a task has to let"
    with pytest.raises(NodeEnded, match=says):
        Bench(backend).run(main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_does_so_where_the_test_waits_for_the_nodes_end(backend: str) -> None:
    async def main() -> None:
        async with Bench(backend).rover(doing(stubborn), supervised=True) as node:
            node.daemon_falls_silent()
            await node.ended(within=200)

    with pytest.raises(NodeEnded, match="stubborn"):
        Bench(backend).run(main)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_test_that_fails_anyway_says_it_besides(backend: str) -> None:
    async def main() -> None:
        async with Bench(backend).rover(doing(stubborn)):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failed:
        Bench(backend).run(main)
    assert "stubborn' did not end within" in failed.value.__notes__[0]


def test_the_next_node_of_the_same_test_is_none_the_worse() -> None:
    async def main() -> None:
        with pytest.raises(NodeEnded, match="stubborn"):
            async with Bench("trio").rover(doing(stubborn)):
                pass
        async with Bench("trio").rover(doing(anyio.sleep_forever)) as node:
            await anyio.sleep(100)
            assert await node.health()

    Bench("trio").run(main)


def test_a_complaint_is_told_from_other_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[BaseException] = []
    complain_of_outstaying("task 'f', task 'g'", 2.5, told.append)
    assert isinstance(told[0], Outstayed)
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint_in(line) == str(told[0])
    assert complaint_in("warning: the arm did not end within reach") is None
    assert complaint_in(f"{line}, said somebody") is None
