"""A short soak: random traffic, nodes killed, stopped and slow, and every loss accounted for."""

from pathlib import Path

import pytest

from benchmarks.soaking.command import soak
from benchmarks.soaking.conductor import Plan

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PLAN = Plan(seconds=25, seed=4, nodes=3, every=(1.5, 4.0), long_stops=0.0)


@pytest.mark.alone
def test_every_loss_among_killed_stopped_and_slow_nodes_is_accounted_for(tmp_path: Path) -> None:
    assert soak(PLAN, tmp_path) == []
