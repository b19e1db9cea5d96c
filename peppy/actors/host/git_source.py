"""Node sources in git repositories."""

from pathlib import Path

from peppy.actors.host.ports import AT_HAND, Fetching, FoundDocument, HostError
from peppy.schema.sources import GitSource, Origin


class GitFetcher:
    """Fetches from git repositories, with a cache of what it has fetched."""

    def __init__(self, cache: Path) -> None:
        """`cache` is a directory of its own; it is made when it is needed."""
        self._cache = cache

    async def read(self, source: GitSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a node in a repository."""
        raise HostError(f"cannot fetch '{source}'")

    async def fetch(self, source: GitSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node out of a repository."""
        raise HostError(f"cannot fetch '{source}'")

    async def copy(self, source: GitSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory of a repository, whatever is in it."""
        raise HostError(f"cannot fetch '{source}'")
