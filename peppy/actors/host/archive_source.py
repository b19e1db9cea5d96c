"""Node sources in archives over HTTP(S)."""

from pathlib import Path

from peppy.actors.host.ports import AT_HAND, Fetching, FoundDocument, HostError
from peppy.schema.sources import ArchiveSource, Origin


class ArchiveFetcher:
    """Fetches from archives over HTTP(S), with a cache of what it has fetched."""

    def __init__(self, cache: Path, downloads: Path) -> None:
        """Both are directories of its own; they are made when they are needed."""
        self._cache = cache
        self._downloads = downloads

    async def read(self, source: ArchiveSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the document of a node in an archive."""
        raise HostError(f"cannot fetch '{source}'")

    async def fetch(self, source: ArchiveSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node out of an archive."""
        raise HostError(f"cannot fetch '{source}'")

    async def copy(self, source: ArchiveSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a directory of an archive, whatever is in it."""
        raise HostError(f"cannot fetch '{source}'")
