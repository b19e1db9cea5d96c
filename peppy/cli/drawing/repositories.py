"""Repositories and what they hold, for people."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from peppy.cli.drawing.table import box_table
from peppy.cli.style import printable
from peppy.schema.repositories import (
    ExcludeEntry,
    RepositoriesView,
    RepositoryEntry,
    RepositoryView,
)
from peppy.schema.wording import counted

HEADER: Final = ("REPOSITORY", "NODES", "LAUNCH FILES", "REFRESHED", "SOURCE")
ENTRIES_HEADER: Final = ("NAME", "KIND", "REPOSITORY", "PATH", "REMARK")

_KINDS: Final = {"node": "node", "launcher": "launch file"}


def repositories(view: RepositoriesView) -> str:
    """Return a table of the repositories and one of what they hold, or a line for none."""
    if not view.repositories:
        return "There are no repositories: 'peppy repo add SOURCE' adds one"
    rows = [
        (
            each.name,
            str(len(_usable(each, "node"))),
            str(len(_usable(each, "launcher"))),
            _when(each.refreshed_at),
            _line(each.source) + (f" @ {_line(each.ref)}" if each.ref else ""),
        )
        for each in view.repositories
    ]
    entries = [
        (
            _line(entry.name),
            _KINDS.get(entry.kind, entry.kind),
            each.name,
            _line(entry.path) or ".",
            _remark(entry, view.ambiguous),
        )
        for each in view.repositories
        for entry in each.entries
    ]
    tables = [box_table(HEADER, rows)]
    if entries:
        tables.append(box_table(ENTRIES_HEADER, entries))
    return "\n".join(tables)


def warnings(views: Iterable[RepositoryView]) -> Iterator[str]:
    """Yield what is wrong in repositories, a sentence each."""
    for view in views:
        if view.failed is not None:
            yield f"repository '{view.name}' could not be looked at again: {_line(view.failed)}"
        elif view.refreshed_at is None:
            yield f"repository '{view.name}' has not been looked at: run 'peppy repo refresh'"
        yield from (f"repository '{view.name}': {_line(problem)}" for problem in view.problems)


def added(view: RepositoryView) -> str:
    """Return which repository is there now."""
    return f"Added repository '{view.name}': {_content(view)}"


def removed(view: RepositoryView) -> str:
    """Return which repository is forgotten."""
    return f"Removed repository '{view.name}'"


def refreshed(views: Iterable[RepositoryView]) -> str:
    """Return what those that could be looked at hold, a line each."""
    lines = (
        f"Refreshed repository '{view.name}': {_content(view)}"
        for view in views
        if view.failed is None
    )
    return "\n".join(lines)


def excluded(request: ExcludeEntry, view: RepositoryView) -> str:
    """Return what is passed over now, or no longer."""
    verb = "Excluded" if request.excluded else "Took back"
    return f"{verb} '{_line(request.entry)}' of repository '{view.name}'"


def _content(view: RepositoryView) -> str:
    nodes, files = len(_usable(view, "node")), len(_usable(view, "launcher"))
    out = sum(entry.excluded for entry in view.entries)
    content = f"{counted(nodes, 'node')}, {counted(files, 'launch file')}"
    return content if not out else f"{content} ({out} excluded)"


def _usable(view: RepositoryView, kind: str) -> list[RepositoryEntry]:
    return [entry for entry in view.entries if entry.kind == kind and not entry.excluded]


def _remark(entry: RepositoryEntry, ambiguous: tuple[str, ...]) -> str:
    if entry.excluded:
        return "excluded"
    return "ambiguous" if entry.name in ambiguous else ""


def _when(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _line(text: str) -> str:
    return " ".join(printable(text).split())
