"""A tree of directories, files and links in memory, which is also a mapping by path."""

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Final, Union

import msgspec


class File(msgspec.Struct, frozen=True, tag=True):
    """A file's bytes and mode."""

    data: bytes
    mode: int = 0o644


class Link(msgspec.Struct, frozen=True, tag=True):
    """A symbolic link."""

    target: str


class Directory(msgspec.Struct, frozen=True, tag=True):
    """A directory; what is in it has its own entry."""


Item = File | Link | Directory

Entry = Union[File, Link, "dict[str, Entry]"]
"""What stands under a name: a directory is what is in it."""

DIRECTORY: Final = Directory()


class Blocked(Exception):
    """Something else than a directory is on the way to a path."""


class Tree(MutableMapping[Path, Item]):
    """All that there is, by its absolute path.

    To delete a directory is to delete all that is in it; to set something makes the directories on
    the way to it, or raises `Blocked`.
    """

    def __init__(self) -> None:
        self._root: dict[str, Entry] = {}

    def entry(self, path: Path) -> Entry | None:
        """Return what stands at a path as it is kept, or None."""
        here: Entry = self._root
        for name in path.parts[1:]:
            if not isinstance(here, dict) or (found := here.get(name)) is None:
                return None
            here = found
        return here

    def put(self, path: Path, entry: Entry) -> None:
        """Put something at a path, a whole directory as well. Raises `Blocked`."""
        *above, name = path.parts[1:]
        here = self._root
        for each in above:
            found = here.get(each)
            if found is None:
                found = here[each] = {}
            if not isinstance(found, dict):
                raise Blocked
            here = found
        here[name] = entry

    def take(self, path: Path) -> Entry | None:
        """Remove what stands at a path, and return it; None if nothing does."""
        above = self.entry(path.parent)
        return above.pop(path.name, None) if isinstance(above, dict) else None

    def __getitem__(self, path: Path) -> Item:
        """Return what is at a path."""
        entry = self.entry(path)
        if entry is None:
            raise KeyError(path)
        return DIRECTORY if isinstance(entry, dict) else entry

    def __setitem__(self, path: Path, item: Item) -> None:
        """Put something at a path; a directory that is there keeps what is in it."""
        if not isinstance(item, Directory):
            self.put(path, item)
        elif not isinstance(self.entry(path), dict):
            self.put(path, {})

    def __delitem__(self, path: Path) -> None:
        """Remove what is at a path."""
        if self.take(path) is None:
            raise KeyError(path)

    def __contains__(self, path: object) -> bool:
        """Say whether anything is at a path."""
        return isinstance(path, Path) and self.entry(path) is not None

    def __iter__(self) -> Iterator[Path]:
        """Yield all paths, each directory before what is in it."""
        top = Path("/")
        yield top
        for relative, _ in below(self._root):
            yield top / relative

    def __len__(self) -> int:
        """Return how much there is, all directories included."""
        return 1 + sum(1 for _ in below(self._root))


def below(directory: dict[str, Entry], prefix: str = "") -> Iterator[tuple[str, Item]]:
    """Yield all that is in a directory by its relative path, in order of the paths."""
    for name in sorted(directory):
        entry = directory[name]
        path = f"{prefix}{name}"
        if isinstance(entry, dict):
            yield path, DIRECTORY
            yield from below(entry, f"{path}/")
        else:
            yield path, entry


def copied(entry: Entry) -> Entry:
    """Return a copy, which does not change when the original does."""
    if not isinstance(entry, dict):
        return entry
    # Most of what is in a directory are files, which are shared.
    return {name: copied(each) if isinstance(each, dict) else each for name, each in entry.items()}
