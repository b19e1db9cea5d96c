"""Hundreds of robots, each with a history, deaths of its daemon and an order of steps of its own.

A seed that fails is named in the failure and fails again alone: `PEPPY_SEED=n pytest` this file.
"""

import os

import pytest

from peppy.schema.events import EventKind
from tests.actors.stack.seeded import explore

SEEDS = int(os.environ.get("PEPPY_SEEDS", "600"))
BLOCK = 25
"""Seeds in one test, so that several workers share them."""

QUICK = 100
"""Seeds among the fast tests; the rest come with those that have real processes, and wait a lot."""

WANTED = os.environ.get("PEPPY_SEED")
BLOCKS = [
    pytest.param(first, marks=() if first < QUICK else pytest.mark.e2e)
    for first in range(0, SEEDS, BLOCK)
]
FIRST = BLOCKS if WANTED is None else [int(WANTED)]
COUNT = BLOCK if WANTED is None else 1


@pytest.mark.parametrize("first", FIRST)
def test_whatever_happens_to_a_robot_its_promises_are_kept(first: int) -> None:
    for seed in range(first, first + COUNT):
        try:
            explore(seed)
        except BaseException as error:
            error.add_note(f"this is seed {seed}: PEPPY_SEED={seed} has it fail again")
            raise


def test_a_seed_is_the_same_history_each_time() -> None:
    for seed in range(5):
        assert explore(seed) == explore(seed)
    assert explore(0).trace != explore(1).trace


@pytest.mark.e2e
def test_the_histories_have_everything_in_them_that_is_to_be_borne() -> None:
    seen = {line.split()[1] for seed in range(60) for line in explore(seed).trace}
    assert seen >= {
        EventKind.ADOPTED,
        EventKind.BROUGHT_BACK,
        EventKind.CLEARED,
        EventKind.FAILED,
        EventKind.FORCE_KILLED,
        EventKind.GIVEN_UP,
        EventKind.LAUNCHED,
        EventKind.LAUNCH_FAILED,
        EventKind.NODE_REMOVED,
        EventKind.RESTARTING,
        EventKind.START_FAILED,
        EventKind.UNHEALTHY,
    }
