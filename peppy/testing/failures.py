"""How a test of one node fails, in sentences."""

from collections.abc import Sequence
from typing import Final, cast

from peppy.schema.errors import PeppyError
from peppy.schema.wording import did_you_mean, quoted

WITHIN: Final = 1.0
"""Seconds that a mock or a probe waits if the test does not say how long; virtual ones, unless the
test is on a real clock."""


class NotSeen(AssertionError):
    """What a test waits for has not come in time."""


class NodeEnded(AssertionError):
    """The node has ended, and what a test waits for cannot come any more.

    The exception that ended it is the cause, if there is one.
    """


class NotRunning(AssertionError):
    """Something was asked of a node before `async with` has started it."""

    def __init__(self, node: str, what: str) -> None:
        super().__init__(f"node '{node}' does not run yet: {what} inside 'async with node:'")


class NoSuchLink(PeppyError):
    """A binding for a dependency of which the node consumes nothing."""

    kind = "no_such_link"

    def __init__(self, link: str, links: Sequence[str]) -> None:
        self.link = link
        super().__init__(
            f"the node consumes nothing of {quoted(link)}{did_you_mean(link, links)}",
            hint=f"'bindings' names these: {', '.join(map(quoted, links)) or 'none'}",
        )


class HandlerFailure(Exception):
    """Raised in a handler that plays a service or an action: the caller is told, and that is all.

    Anything else that such a handler raises is told as well, and fails the test.
    """


def after(error: BaseException | None) -> str:
    """Return the end of a sentence that says how a node has ended."""
    return "" if error is None else ": " + "; ".join(_said_by(error))


def _said_by(error: BaseException) -> list[str]:
    """Return what an error says, or each of those in a group."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [said for each in group.exceptions for said in _said_by(each)]
    text = str(error)
    return [f"{type(error).__name__}: {text}" if text else type(error).__name__]


def seconds(within: float) -> str:
    """Return a span of time as a sentence has it."""
    return f"within {within:g} s"
