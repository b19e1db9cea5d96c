"""What a node does while it ends, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.doing import BLOCKS_AFTER, NO_ANSWER, clause, sentence, steady, without_time
from peppy.schema.leaving import Leaving, LeavingStep

PLAIN = Leaving(LeavingStep.HOOK, "park_arm", 5.0, is_async=False)
ASYNC = Leaving(LeavingStep.HOOK, "release_lock", 2.9)


@pytest.mark.parametrize(
    ("step", "elapsed", "text"),
    [
        (Leaving(LeavingStep.SETUP), 1.0, "cancelling setup"),
        (ASYNC, 2.1, "running hook 'release_lock', 2.1 s of 2.9 s"),
        (PLAIN, 0.1, "running hook 'park_arm', 0.1 s of 5 s"),
        (PLAIN, 4.2, "hook 'park_arm' blocks, 4.2 s of 5 s"),
        (Leaving(LeavingStep.TASKS, budget=5.0), 0.5, "ending tasks, 0.5 s of 5 s"),
        (Leaving(LeavingStep.EXIT, budget=5.0), 0.5, "the process is ending"),
        (Leaving(LeavingStep.TASKS, budget=float("inf")), 0.5, "ending tasks"),
        (Leaving(LeavingStep.TASKS, budget=float("nan")), 0.5, "ending tasks"),
    ],
)
def test_a_step_is_one_sentence_with_the_time_that_it_may_take(
    step: Leaving, elapsed: float, text: str
) -> None:
    assert sentence(step, elapsed) == text


@pytest.mark.parametrize(
    ("doing", "while_"),
    [
        (sentence(PLAIN, 4.2), "hook 'park_arm' blocked"),
        (sentence(ASYNC, 4.2), "running hook 'release_lock'"),
        (sentence(Leaving(LeavingStep.TASKS), 0.0), "ending tasks"),
        (sentence(Leaving(LeavingStep.EXIT), 0.0), "the process was ending"),
        (NO_ANSWER, "its event loop did not answer"),
        ("something new", "something new"),
    ],
)
def test_a_sentence_can_follow_while(doing: str, while_: str) -> None:
    assert clause(doing) == while_


@given(
    st.builds(
        Leaving,
        st.sampled_from(LeavingStep),
        st.text(),
        st.floats(0.1, 1000),
        st.booleans(),
    ),
    st.floats(BLOCKS_AFTER, 1000),
    st.floats(BLOCKS_AFTER, 1000),
)
def test_without_the_time_a_step_says_the_same_at_all_times(
    step: Leaving, early: float, late: float
) -> None:
    assert without_time(sentence(step, early)) == without_time(sentence(step, late))


@pytest.mark.parametrize(
    ("doing", "stays"),
    [
        ("running hook 'release_lock', 2.1 s of 5 s", "running hook 'release_lock'"),
        ("downloading 'camera.tar.zst', 1.5 MB of 40.0 MB", "downloading 'camera.tar.zst'"),
        ("downloading 'camera.tar.zst', 1.5 MB", "downloading 'camera.tar.zst'"),
        ("fetching x.git: receiving objects, 12 %", "fetching x.git: receiving objects"),
        ("waiting for a download of 'camera, 3'", "waiting for a download of 'camera, 3'"),
    ],
)
def test_how_far_something_has_come_can_be_left_out(doing: str, stays: str) -> None:
    assert steady(doing) == stays
