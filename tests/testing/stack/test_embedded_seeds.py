"""The example robot through seeded faults. `PEPPY_SEED=n pytest` this file repeats one of them."""

import os
from pathlib import Path

import pytest

from tests.testing.stack.embedded_schedules import explore

QUICK = 6
"""Seeds among the fast tests."""

SEEDS = int(os.environ.get("PEPPY_SEEDS", "100"))
"""Seeds with those that take their time."""

WANTED = os.environ.get("PEPPY_SEED")


def test_a_robot_that_is_disturbed_is_what_its_daemon_says(tmp_path: Path) -> None:
    for seed in range(QUICK) if WANTED is None else [int(WANTED)]:
        explore(seed, tmp_path)


@pytest.mark.e2e
def test_whatever_is_done_to_a_robot_its_daemon_knows_it(tmp_path: Path) -> None:
    for seed in range(QUICK, SEEDS):
        explore(seed, tmp_path)
