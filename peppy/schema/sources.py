"""Where nodes come from: what a person names, and what was found there. Source: behaviour.md 3.

Values only: `peppy.schema.source_reader` makes them from documents, `peppy.schema.source_text` from
what is typed. As texts they are for people: without the credentials of an address.
"""

import msgspec

from peppy.schema.addresses import without_credentials
from peppy.schema.names import Name, Tag


class LocalSource(msgspec.Struct, frozen=True, tag="local"):
    """A directory, relative to the document that names it unless it is absolute."""

    local: str

    def __str__(self) -> str:
        return self.local


class GitSource(msgspec.Struct, frozen=True, tag="git"):
    """A directory `path` of a git repository at a branch, tag or commit."""

    repo: str
    path: str
    """Empty for the top of the repository."""
    ref: str
    """Empty for the default branch."""

    def __str__(self) -> str:
        repo = without_credentials(self.repo)
        place = f"{repo}/{self.path}" if self.path else repo
        return f"{place}@{self.ref}" if self.ref else place


class ArchiveSource(msgspec.Struct, frozen=True, tag="url"):
    """An archive over HTTP(S); `sha256` is 64 lower-case hex digits."""

    url: str
    sha256: str
    """Empty where nobody has said it."""
    path: str = ""
    """Below the top of the archive; empty for the usual place, behaviour.md 3."""

    def __str__(self) -> str:
        url = without_credentials(self.url)
        return f"{url} ({self.path})" if self.path else url


class NamedSource(msgspec.Struct, frozen=True, tag="name"):
    """A node of one of the repositories that a person has added."""

    name: Name
    tag: Tag

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


class VariantName(msgspec.Struct, frozen=True, tag="variant"):
    """A variant that the root node's manifest declares."""

    name: Name

    def __str__(self) -> str:
        return self.name


PlacedSource = LocalSource | GitSource | ArchiveSource
"""A source that says itself where it lies."""

Source = PlacedSource | NamedSource

VariantChoice = VariantName | LocalSource | GitSource | ArchiveSource


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A node that somebody wants in the stack. Local sources in it are absolute."""

    source: Source
    variant: VariantChoice | None = None
    """None is the root's own execution, or its variant `default`."""

    def __str__(self) -> str:
        if self.variant is None:
            return str(self.source)
        return f"{self.source} (variant {self.variant})"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where something came from, exactly."""

    source: PlacedSource
    commit: str | None = None
    """The whole hash, for a git source."""
    sha256: str | None = None
    """Lower-case hex digest of the archive, for an archive."""
    directory: str = ""
    """Below the top of the repository or of the archive; empty for a local source."""

    def __str__(self) -> str:
        match self.source:
            case LocalSource(local):
                return local
            case GitSource(repo):
                repo = without_credentials(repo)
                place = f"{repo}/{self.directory}" if self.directory else repo
                return f"{place}@{self.commit}"
            case ArchiveSource(url):
                place = f" ({self.directory})" if self.directory else ""
                return f"{without_credentials(url)}{place}"
