"""What a node does while it ends, in words.

A sentence is made of the step that the node has told and of the time since: `running hook
'release_lock', 2.1 s of 5 s`. What changes with time stands at its end and can be left out.
"""

import re
from typing import Final, assert_never

from peppy.schema.leaving import Leaving, LeavingStep

BLOCKS_AFTER: Final = 0.5
"""Seconds after which a plain hook, which holds all else up, is said to block."""

LONGEST_BUDGET: Final = 1_000_000.0
"""Seconds; a node that tells more tells nonsense."""

ENDING: Final = "the process is ending"

NO_ANSWER: Final = "its event loop does not answer"
"""What there is to say of a node that could not be asked to end."""

_PAST: Final = {
    ENDING: "the process was ending",
    NO_ANSWER: "its event loop did not answer",
}

_AMOUNT: Final = re.compile(r", ([0-9.]+ MB( of [0-9.]+ MB)?|[0-9]+ %)$")

_TIME: Final = re.compile(r", [0-9.]+ (?:s|MB)(?: of [0-9.]+ (?:s|MB))?$")
"""Downloads count bytes instead, not always towards an end that is known."""


def sentence(step: Leaving, elapsed: float) -> str:
    """Return what a node does that began `step` so many seconds ago."""
    time = _time(elapsed, step.budget)
    match step.step:
        case LeavingStep.SETUP:
            return f"cancelling setup{time}"
        case LeavingStep.HOOK:
            if step.is_async or elapsed < BLOCKS_AFTER:
                return f"running hook '{step.name}'{time}"
            return f"hook '{step.name}' blocks{time}"
        case LeavingStep.TASKS:
            return f"ending tasks{time}"
        case LeavingStep.EXIT:
            return ENDING
    assert_never(step.step)


def _time(elapsed: float, budget: float) -> str:
    if not 0 < budget < LONGEST_BUDGET:
        return ""
    return f", {elapsed:.1f} s of {f'{budget:.1f}'.removesuffix('.0')} s"


def without_time(doing: str) -> str:
    """Return a sentence without how long it has been so: what stays until the next step."""
    return _TIME.sub("", doing)


def steady(doing: str) -> str:
    """Return a sentence without how far it has come, be it in seconds, bytes or per cent."""
    return _AMOUNT.sub("", without_time(doing))


def clause(doing: str) -> str:
    """Return a sentence as it follows `it was killed while`."""
    was = without_time(doing)
    if was.startswith("hook '") and was.endswith("' blocks"):
        return f"{was.removesuffix('blocks')}blocked"
    return _PAST.get(was, was)
