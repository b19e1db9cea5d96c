"""The chain: each who waits, waits longer than the one it waits for."""

import pytest

from peppy.schema.daemon_config import LEAST_DAEMON_GRACE, LEAST_SHUTDOWN_GRACE
from peppy.schema.daemon_config_reader import LONGEST_GRACE
from peppy.schema.durations import (
    DAEMON_GRACE,
    HEALTH_BUDGET,
    HEALTH_INTERVAL,
    HEARTBEAT,
    SHUTDOWN_GRACE,
    TASK_TEARDOWN,
    client_waits,
    force_kill_after,
    stop_answer_after,
)

LONGEST_WAIT = 2**31 / 1000
"""Seconds; what a socket takes as its time-out where milliseconds are counted in 32 bits."""


@pytest.mark.parametrize("grace", [LEAST_SHUTDOWN_GRACE, SHUTDOWN_GRACE, LONGEST_GRACE])
def test_a_node_ends_before_the_daemon_kills_it_and_the_daemon_before_the_client_leaves(
    grace: float,
) -> None:
    assert grace + TASK_TEARDOWN < force_kill_after(grace) < stop_answer_after(grace)
    assert stop_answer_after(grace) < client_waits(grace) < LONGEST_WAIT


def test_a_node_bears_several_lost_heartbeats_at_the_least() -> None:
    assert 3 * HEARTBEAT < LEAST_DAEMON_GRACE <= DAEMON_GRACE


def test_an_answer_about_health_comes_before_the_next_question() -> None:
    assert HEALTH_BUDGET < HEALTH_INTERVAL
