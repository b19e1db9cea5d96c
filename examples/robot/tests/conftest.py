from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from peppy.testing.stack import EmbeddedStack, embedded_stack

LAUNCHER = Path(__file__).parent.parent / "peppy_launcher.json5"


@pytest.fixture
async def robot(seed: int, tmp_path: Path) -> AsyncGenerator[EmbeddedStack, None]:
    arguments = {"the_memory": {"directory": str(tmp_path)}}
    async with embedded_stack(LAUNCHER, seed=seed, arguments=arguments) as stack:
        yield stack
