"""How a test of one node fails, in sentences."""

from collections.abc import Sequence
from typing import Final, cast

from peppy.schema.errors import PeppyError
from peppy.schema.wording import did_you_mean, quoted

WITHIN: Final = 1.0
"""Seconds that a mock or a probe waits if the test does not say how long; virtual ones, unless the
test is on a real clock."""


LET_IT_THROUGH: Final = "a task has to let its cancellation through, as 'except Exception' does"
"""What is to be done about one that has not ended when it was cancelled."""


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


class NoSuchField(PeppyError):
    """A field that no message of a topic has."""

    kind = "no_such_field"

    def __init__(self, topic: str, name: str, known: Sequence[str]) -> None:
        super().__init__(
            f"messages on {quoted(topic)} have no field {quoted(name)}{did_you_mean(name, known)}",
            hint=f"they have {', '.join(map(quoted, known)) or 'none'}",
        )


class NoSuchInterface(PeppyError):
    """A topic, service or action that the node under test has nothing to do with."""

    kind = "no_such_interface"

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(
            f"the node has nothing to do with {quoted(name)}{did_you_mean(name, known)}",
            hint=f"its trace has messages of {', '.join(map(quoted, known)) or 'nothing'}",
        )


class NoSuchSubject(PeppyError):
    """Somebody else than the node under test, of whom there are no events."""

    kind = "no_such_subject"

    def __init__(self, name: str, instance_id: str) -> None:
        super().__init__(
            f"no event is of {quoted(name)}: all are of the instance {quoted(instance_id)}",
            hint="'boot(setup, instance_id=...)' has it called otherwise",
        )


class NotTraced(PeppyError):
    """Something that the trace of a single node never has."""

    kind = "not_traced"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the trace of a single node never has {what}: it has no lines and no faults",
            hint="what a node prints is for pytest's 'capsys'; an embedded stack has both",
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
