"""A home of its own for each test, and a look afterwards whether anything was left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.node_programs import Nodes


@pytest.fixture
def peppy(tmp_path: Path) -> Iterator[Peppy]:
    """The command in an empty home; the daemon is taken down afterwards, and nothing may remain."""
    work = tmp_path / "work"
    work.mkdir()
    command = Peppy(tmp_path / "home", work)
    yield command
    command.try_("service", "stop")
    wait_until(lambda: not command.processes(), "the end of everything in this home", 30)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """Node programs without a daemon; killed at the end of the test whatever happens."""
    started = Nodes(tmp_path)
    yield started
    started.end()
