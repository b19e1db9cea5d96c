"""What may be asked about repositories: places that hold nodes and launch files by name.

Source: behaviour.md 3 (`name:tag`), 7.1 (`conf/repositories.json5`), 10.1 (`peppy repo`).
"""

import msgspec

from peppy.schema.names import Name
from peppy.schema.requests import Request


class RepositoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a repository holds: a node (`name:tag`) or a launch file (a bare name)."""

    name: str
    kind: str
    """`node` or `launcher`."""
    path: str
    """Within the repository."""
    excluded: bool = False


class RepositoryView(msgspec.Struct, frozen=True, kw_only=True):
    """One repository, as it was at its last refresh."""

    name: Name
    source: str
    """As it was given, without passwords."""
    ref: str | None = None
    """The branch, tag or commit of a git repository that was asked for."""
    origin: str | None = None
    """Where its content came from, exactly; None while it has not been fetched."""
    refreshed_at: float | None = None
    """Seconds since the epoch."""
    entries: tuple[RepositoryEntry, ...] = ()
    problems: tuple[str, ...] = ()
    """Documents in it that cannot be read, a sentence each."""
    failed: str | None = None
    """Why a refresh has not reached it; what is here is from the last one that has."""


class RepositoriesView(msgspec.Struct, frozen=True, kw_only=True):
    """All repositories, by name."""

    repositories: tuple[RepositoryView, ...]
    ambiguous: tuple[str, ...] = ()
    """Names that more than one place has."""


class ListRepositories(Request[RepositoriesView], frozen=True, kw_only=True):
    """Which repositories are there, and what do they hold?"""


class AddRepository(Request[RepositoryView], frozen=True, kw_only=True):
    """Take nodes and launch files from one more place."""

    source: str
    """An absolute directory, a git address or an archive's, as `node add` takes them."""
    ref: str | None = None
    name: str | None = None
    """None makes one of the source."""
    environment: dict[str, str] = {}


class RemoveRepository(Request[RepositoryView], frozen=True, kw_only=True):
    """Forget a repository, and what was fetched of it."""

    name: str


class RefreshRepositories(Request[RepositoriesView], frozen=True, kw_only=True):
    """Look again what repositories hold."""

    names: tuple[str, ...] = ()
    """Empty for all."""
    environment: dict[str, str] = {}


class ExcludeEntry(Request[RepositoryView], frozen=True, kw_only=True):
    """Pass over one thing that a repository holds, or no longer."""

    repository: str
    entry: str
    """A node's `name:tag`, a launch file's name, or a path within the repository."""
    excluded: bool = True
