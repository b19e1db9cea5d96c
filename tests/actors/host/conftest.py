from pathlib import Path

import pytest

from tests.actors.host.host_machines import Machine, memory_machine, real_machine


@pytest.fixture(params=["real", "memory"])
async def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return real_machine(tmp_path) if request.param == "real" else memory_machine()
