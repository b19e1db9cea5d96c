"""Names in an archive: which are accepted, and whether they fit together into one tree.

Paths are relative to the top of the archive, without `.` and empty parts; the top itself is empty.
Nothing here touches the disk: a whole archive is looked at before any of it is written.
"""

import unicodedata
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final

from peppy.actors.host.archive_limits import LONGEST_NAME, ArchiveLimits, BadArchive, size
from peppy.actors.host.limits import LONGEST_PATH
from peppy.schema.wording import quoted

_UNSEEN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of what a terminal obeys or a line breaks at."""

_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What has text read from the other side, so that a name looks like another."""


class Kind(Enum):
    """What a name stands for; the value is how a sentence calls it."""

    FILE = "a file"
    DIRECTORY = "a directory"
    LINK = "a link"


def shown_name(raw: bytes) -> str:
    """Return a name in quotes, short, and safe to show, whatever bytes it is made of."""
    return quoted(raw.decode("utf-8", "backslashreplace"))


def _text(raw: bytes, what: str) -> str:
    if len(raw) > LONGEST_PATH:
        raise BadArchive(f"{what} {shown_name(raw)} is longer than {LONGEST_PATH} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise BadArchive(f"{what} {shown_name(raw)} is not UTF-8") from error
    if any(unicodedata.category(c) in _UNSEEN or c in _TURNING for c in text):
        raise BadArchive(f"{what} {shown_name(raw)} holds a control character")
    return text


def clean_path(raw: bytes, kind: Kind, depth: int) -> str:
    """Return the path that an entry's name means. Raises `BadArchive` for one that is refused."""
    text = _text(raw, "the name")
    if not text:
        raise BadArchive("an entry has no name")
    if text.startswith("/"):
        raise BadArchive(f"the name {shown_name(raw)} is absolute")
    written = text.split("/")
    parts = [part for part in written if part not in ("", ".")]
    if ".." in parts:
        raise BadArchive(f"the name {shown_name(raw)} holds '..'")
    if kind is not Kind.DIRECTORY and written[-1] in ("", "."):
        raise BadArchive(f"{shown_name(raw)} is {kind.value}, and its name is a directory's")
    if any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise BadArchive(
            f"a part of the name {shown_name(raw)} is longer than {LONGEST_NAME} bytes"
        )
    if len(parts) > depth + (kind is not Kind.DIRECTORY):
        raise BadArchive(f"more than {depth} directories lie in one another")
    return "/".join(parts)


def clean_target(raw: bytes, path: str) -> str:
    """Return what a link at `path` leads to, as it is written. Raises `BadArchive`."""
    text = _text(raw, f"the target of the link {quoted(path)},")
    if not text:
        raise BadArchive(f"the link {quoted(path)} leads nowhere")
    if text.startswith("/"):
        raise BadArchive(f"the link {quoted(path)} leads to the absolute path {shown_name(raw)}")
    if None in _steps(path, text):
        raise BadArchive(f"the link {quoted(path)} leads out of the archive, to {shown_name(raw)}")
    return text


def _steps(path: str, target: str) -> Iterator[str | None]:
    """Yield each place that a link at `path` goes by, to its end; None once it is outside."""
    place = path.split("/")[:-1]
    for part in target.split("/"):
        if part == "..":
            if not place:
                yield None
                return
            place.pop()
        elif part not in ("", "."):
            place.append(part)
        yield "/".join(place)


class ArchiveTree:
    """Every name of an archive so far, and what it stands for."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._limits = limits
        self._implied = {""}
        self._targets: dict[str, str] = {}
        self._bytes = 0
        self.kinds: dict[str, Kind] = {"": Kind.DIRECTORY}
        """By path; directories that are only named by what lies in them are among them."""

    def __repr__(self) -> str:
        return f"ArchiveTree({len(self.kinds)} entries)"

    def add(self, path: str, kind: Kind, target: str = "") -> None:
        """Add an entry. Raises `BadArchive` where it does not go with those before it."""
        known = self.kinds.get(path)
        if known is None:
            self._make_room(path)
            self._put(path, kind)
        elif kind is Kind.DIRECTORY and path in self._implied:
            self._implied.remove(path)
        elif kind is known:
            raise BadArchive(f"{_called(path)} is in it twice")
        else:
            raise BadArchive(f"{_called(path)} is both {known.value} and {kind.value} in it")
        if kind is Kind.LINK:
            self._targets[path] = target
            self._count(target)

    def _make_room(self, path: str) -> None:
        """See to it that the directory of `path` is one."""
        above = path.rpartition("/")[0]
        if above in self.kinds and self.kinds[above] is Kind.DIRECTORY:
            return
        place = ""
        for part in above.split("/"):
            place = f"{place}/{part}" if place else part
            match self.kinds.get(place):
                case None:
                    self._implied.add(place)
                    self._put(place, Kind.DIRECTORY)
                case Kind.DIRECTORY:
                    pass
                case Kind.FILE | Kind.LINK as kind:
                    raise BadArchive(
                        f"{quoted(path)} lies in {quoted(place)}, which is {kind.value}"
                    )

    def _put(self, path: str, kind: Kind) -> None:
        self._count(path)
        self.kinds[path] = kind
        if len(self.kinds) > self._limits.entries:
            raise BadArchive(f"it holds more than {self._limits.entries} files and directories")

    def _count(self, text: str) -> None:
        self._bytes += len(text.encode())
        if self._bytes > self._limits.names:
            raise BadArchive(f"its names are longer than {size(self._limits.names)} together")

    def check_links(self, check: Callable[[], None]) -> None:
        """Refuse a link that goes by another one, when all entries are known.

        Where each link ends within the tree, and goes by directories only, none of them leaves it.
        `check` is called now and then, and may raise.
        """
        for path, target in self._targets.items():
            check()
            *way, _ = _steps(path, target)
            for place in way:
                if place is not None and self.kinds.get(place) is Kind.LINK:
                    raise BadArchive(
                        f"the link {quoted(path)} leads through the link {quoted(place)}"
                    )


def _called(path: str) -> str:
    return quoted(path) if path else "its top"
