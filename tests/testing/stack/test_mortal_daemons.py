"""A daemon's life on a machine in memory, counted in durable steps."""

from pathlib import Path

import pytest

from peppy.actors.host.memory import memory_host
from peppy.actors.host.memory_files import MemoryFiles
from peppy.testing.stack.mortal import Killed, Life, lived, survived

PLACE = Path("/place")


@pytest.mark.parametrize("after", [False, True])
async def test_a_life_ends_before_or_after_its_step(*, after: bool) -> None:
    died: list[int] = []
    files = MemoryFiles()
    life = Life(2, after=after, died=lambda: died.append(life.steps))
    host = lived(memory_host(files=files), life)
    with survived(life):
        await host.files.write(PLACE / "first", b"1")
        await host.files.write(PLACE / "second", b"2")
        raise AssertionError("it lives on")
    assert life.dead
    assert died == [2]
    assert ((PLACE / "first") in files.items, (PLACE / "second") in files.items) == (True, after)


async def test_to_look_is_no_step_and_a_dead_daemon_does_not_even_look() -> None:
    life = Life()
    host = lived(memory_host(), life)
    assert not await host.files.exists(PLACE)
    assert await host.journal.load() == {}
    assert life.steps == 0
    life.kill()
    with pytest.raises(Killed):
        await host.files.exists(PLACE)
    with pytest.raises(Killed):
        await host.journal.commit({"key": b"record"})
    assert await host.journal.load() == {}


async def test_what_a_living_daemon_is_refused_is_not_borne() -> None:
    life = Life()
    with pytest.raises(ExceptionGroup) as raised, survived(life):
        raise Killed("of another life")
    assert raised.group_contains(Killed)


async def test_a_life_that_is_spared_goes_on() -> None:
    life = Life(1)
    host = lived(memory_host(), life)
    life.end_at(None)
    await host.files.make_directory(PLACE)
    assert not life.dead
