"""Which topic, service or action of the stack a name means."""

from collections.abc import Sequence
from typing import Final, TypeVar

from peppy.schema.errors import PeppyError
from peppy.schema.format_reader import parse_format
from peppy.schema.formats import MessageFormat
from peppy.schema.wire import ActionView, Format, ServiceView, TopicView
from peppy.schema.wording import either, nearest, quoted

V = TypeVar("V", TopicView, ServiceView, ActionView)

MOST: Final = 10
"""Candidates that an error lists."""


class NotFound(PeppyError):
    """Nothing in the stack has this name."""

    kind = "unknown_name"

    def __init__(self, what: str, name: str, known: Sequence[str]) -> None:
        self.name = name
        short = {each.rpartition("/")[2]: each for each in known}
        guess = nearest(name, known) or short.get(nearest(name.rpartition("/")[2], short) or "")
        if guess is not None:
            hint = f"did you mean {quoted(guess)}?"
        elif known:
            hint = f"there are {_listed(known)}"
        else:
            hint = f"no node in the stack has a {what}; 'peppy stack list' shows what is there"
        super().__init__(f"there is no {what} {quoted(name)} in the stack", hint=hint)


class Ambiguous(PeppyError):
    """Several things in the stack have this name."""

    kind = "ambiguous_name"

    def __init__(self, what: str, name: str, candidates: Sequence[str]) -> None:
        self.name = name
        self.candidates = tuple(candidates)
        super().__init__(
            f"{len(candidates)} nodes have a {what} {quoted(name)}",
            hint=f"write {either(candidates[:MOST])}",
        )


class NoFormat(PeppyError):
    """A topic whose document does not say what its messages hold."""

    kind = "no_format"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} has no message format, so its messages cannot be read or written here",
            hint="give it a 'message_format' in the document of its node",
        )


def full_name(view: TopicView | ServiceView | ActionView) -> str:
    """Return the name that means this one thing: `node:tag/name`, or `name` if nobody emits it."""
    return view.name if view.node is None else f"{view.node}/{view.name}"


def find(what: str, name: str, views: Sequence[V]) -> V:
    """Return what `name`, `node/name` or `node:tag/name` means; `what` is its kind, as in `topic`.

    Raises `NotFound` or `Ambiguous`.
    """
    found = [view for view in views if name in _names(view)]
    match found:
        case [view]:
            return view
        case []:
            raise NotFound(what, name, [full_name(view) for view in views])
        case _:
            raise Ambiguous(what, name, [full_name(view) for view in found])


def message_format(literal: Format | None, what: str) -> MessageFormat:
    """Return the format that the daemon described; raise `NoFormat` if there is none."""
    if literal is None:
        raise NoFormat(what)
    return parse_format(literal, what)


def _names(view: TopicView | ServiceView | ActionView) -> tuple[str, ...]:
    if view.node is None:
        return (view.name,)
    return (view.name, f"{view.node.name}/{view.name}", f"{view.node}/{view.name}")


def _listed(known: Sequence[str]) -> str:
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    return ", ".join(quoted(each) for each in known[:MOST]) + more
