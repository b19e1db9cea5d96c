"""What a real stack is refused for before anything is started."""

import asyncio

import pytest
from trio.testing import MockClock

from peppy.testing.stack.real import VirtualTime, real_stack
from peppy.testing.stack.seeds import run_seeded
from peppy.testing.stack.world import NotOnTrio


async def test_a_real_stack_is_refused_where_the_clock_jumps(autojump_clock: MockClock) -> None:
    with pytest.raises(VirtualTime, match="takes real time"):
        async with real_stack("peppy_launcher.json5"):
            pass


def test_a_real_stack_is_refused_in_a_seeded_run() -> None:
    async def main() -> None:
        async with real_stack("peppy_launcher.json5"):
            pass

    with pytest.raises(VirtualTime, match="takes real time"):
        run_seeded(main, 0)


def test_a_stack_is_refused_on_asyncio_with_what_to_mark_the_test() -> None:
    async def main() -> None:
        async with real_stack("peppy_launcher.json5"):
            pass

    with pytest.raises(NotOnTrio) as caught:
        asyncio.run(main())
    assert 'loop="trio"' in (caught.value.hint or "")
