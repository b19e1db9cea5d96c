"""A directory of a commit: what is in it, checked before any of it is written, and writing it.

Objects are read as they are stored. There is no checkout: no attribute, filter, hook or submodule
has a say.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, Protocol

import msgspec
import trio

from peppy.actors.host import disk
from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.files import in_thread
from peppy.actors.host.git_cache import HERE, CachedRepository
from peppy.actors.host.git_errors import Damaged
from peppy.actors.host.git_run import Limits, TooMuch, TooSlow, run
from peppy.actors.host.limits import LARGEST_FILE, LARGEST_TREE, LONGEST_PATH, MOST_MEMBERS
from peppy.actors.host.ports import DOCUMENT, HostError
from peppy.actors.host.trees import BLOCK, DEEPEST
from peppy.schema.wording import quoted

LONGEST_DOCUMENT: Final = 4 * 1024 * 1024
"""Bytes; what people write is a thousandth of it."""

A_MOMENT: Final = Limits(idle=10.0, total=10.0)
"""For what only makes a sentence better."""

_ENTRY: Final = re.compile(
    rb"([0-7]{6}) ([a-z]+) ([0-9a-f]{40}(?:[0-9a-f]{24})?) +(-|[0-9]+)\t(.+)", re.DOTALL
)
_POINTER: Final = b"version https://git-lfs.github.com/spec/"
_OPEN: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Digest(Protocol):
    """A hash of what it was told so far."""

    def update(self, data: bytes, /) -> None:
        """Add to it."""
        ...

    def hexdigest(self) -> str:
        """Return it in lower-case hex."""
        ...


class Entry(msgspec.Struct, frozen=True):
    """One thing in a commit's tree."""

    mode: int
    kind: str
    """`blob`, `tree`, or `commit` for a submodule."""
    object: str
    size: int
    """Bytes of a file; 0 for anything else."""
    path: str

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file: links are blobs as well."""
        return self.kind == "blob" and self.mode & 0o170000 == 0o100000


class Laid(msgspec.Struct, frozen=True):
    """What a directory that was written lacks."""

    submodules: tuple[str, ...]
    pointers: tuple[str, ...]
    """Files whose content lies with Git LFS."""


def parse_entries(listing: bytes) -> list[Entry]:
    """Return what `git ls-tree -z -l` lists. Raises `HostError` for what it could not have said."""
    entries: list[Entry] = []
    for line in listing.split(b"\0"):
        if not line:
            continue
        found = _ENTRY.fullmatch(line)
        if found is None:
            raise Damaged("git lists what cannot be read")
        mode, kind, name, size, path = found.groups()
        entries.append(
            Entry(
                int(mode, 8),
                kind.decode(),
                name.decode(),
                int(size) if size != b"-" else 0,
                os.fsdecode(path),
            )
        )
    return entries


async def entry_at(cached: CachedRepository, commit: str, path: str) -> Entry | None:
    """Return what lies at a path of a commit; None if nothing does."""
    if not path:
        ran = await cached.here("rev-parse", "--verify", f"{commit}^{{tree}}")
        if ran.code:
            raise cached.damaged()
        return Entry(0o040000, "tree", ran.output.decode().strip(), 0, "")
    ran = await cached.here("ls-tree", "-z", "-l", "--full-tree", commit, "--", path)
    if ran.code:
        raise cached.damaged()
    found = [entry for entry in parse_entries(ran.output) if entry.path == path]
    return found[0] if found else None


async def names_of_nodes(cached: CachedRepository, commit: str) -> list[str]:
    """Return the directories of a commit that hold a node's document; none where looking is long.

    Trees are listed as well: some unfold without end, and have not one file.
    """
    words = ("ls-tree", "-r", "-t", "-z", "--name-only", "--full-tree", commit)
    try:
        ran = await cached.here(*words, limits=A_MOMENT)
    except (TooMuch, TooSlow):
        return []
    paths = [os.fsdecode(path) for path in ran.output.split(b"\0")]
    return [os.path.dirname(path) for path in paths if os.path.basename(path) == DOCUMENT]


async def read_file(cached: CachedRepository, entry: Entry) -> bytes:
    """Return a small file's bytes."""
    if entry.size > LONGEST_DOCUMENT:
        raise HostError(f"'{entry.path}' has {entry.size} bytes: it is no document of a node")
    ran = await cached.here("cat-file", "blob", entry.object)
    if ran.code or _digest(entry, ran.output) != entry.object:
        raise cached.damaged()
    return ran.output


async def lay_out(cached: CachedRepository, tree: Entry, into: Path) -> Laid:
    """Write a directory of a commit to `into`, which is not there yet; all or nothing.

    Left out is what snapshots leave out, links among it (behaviour.md 11.1). Raises `HostError` for
    names that lead elsewhere and for trees that are too large.
    """
    words = ("ls-tree", "-r", "-t", "-z", "-l", "--full-tree", tree.object)
    try:
        ran = await cached.here(*words)
    except TooMuch as error:
        raise HostError(f"'{cached.place.shown}' holds more than {MOST_MEMBERS} files") from error
    if ran.code:
        raise cached.damaged()
    kept = select(parse_entries(ran.output), cached.place.shown)
    pointers = await _write(cached, [e for e in kept if e.is_file or e.kind == "tree"], into)
    submodules = tuple(entry.path for entry in kept if entry.kind == "commit")
    return Laid(submodules, tuple(pointers))


def select(entries: Sequence[Entry], shown: str) -> list[Entry]:
    """Return what a snapshot takes of a listing. Raises `HostError` for what may not be written."""
    if len(entries) > MOST_MEMBERS:
        raise HostError(f"'{shown}' holds more than {MOST_MEMBERS} files and directories")
    contents: dict[str, set[str]] = {}
    seen: set[str] = set()
    for entry in entries:
        _check(entry, shown)
        if entry.path in seen:
            raise HostError(f"'{shown}' holds {quoted(entry.path)} twice")
        seen.add(entry.path)
        above, name = os.path.split(entry.path)
        contents.setdefault(above, set()).add(name)
    out: set[str] = set()
    kept: list[Entry] = []
    for entry in entries:
        above, name = os.path.split(entry.path)
        inside = contents.get(entry.path, set()) if entry.kind == "tree" else None
        if above in out or stays_behind(name, inside):
            out.add(entry.path)
        else:
            kept.append(entry)
    _check_size([entry for entry in kept if entry.is_file], shown)
    return kept


def _check(entry: Entry, shown: str) -> None:
    parts = entry.path.split("/")
    why = None
    if any(part in ("", ".", "..") for part in parts):
        why = "it leads out of its directory"
    elif any(part.lower().rstrip(". ") in (".git", "git~1") for part in parts):
        why = "git would take it for a repository of its own"
    elif any(ord(character) < 32 or ord(character) == 127 for character in entry.path):
        why = "it has a character that cannot be seen"
    elif len(parts) > DEEPEST:
        why = f"it lies in more than {DEEPEST} directories"
    elif len(os.fsencode(entry.path)) > LONGEST_PATH:
        why = f"it is longer than {LONGEST_PATH} bytes"
    if why is not None:
        raise HostError(f"'{shown}' holds {quoted(entry.path)}, which is not written: {why}")


def _check_size(files: Sequence[Entry], shown: str) -> None:
    for entry in files:
        if entry.size > LARGEST_FILE:
            raise HostError(
                f"{quoted(entry.path)} of '{shown}' has more than {LARGEST_FILE >> 30} GiB"
            )
    if sum(entry.size for entry in files) > LARGEST_TREE:
        raise HostError(f"the files of '{shown}' have more than {LARGEST_TREE >> 30} GiB")


async def _write(cached: CachedRepository, entries: Sequence[Entry], into: Path) -> list[str]:
    """Have git tell the content of each file, and a thread write it."""
    wanted = await in_thread("write", into, lambda: _wanted(entries, cached.git.nowhere))
    reading, writing = os.pipe()
    problems: list[HostError] = []
    pointers: list[str] = []
    with wanted, os.fdopen(reading, "rb") as told, os.fdopen(writing, "wb") as telling:

        def work() -> None:
            try:
                pointers.extend(_write_all(entries, told, into))
            finally:
                told.close()  # git stops where nobody listens

        async def write(scope: trio.CancelScope) -> None:
            try:
                await in_thread("write", into, work)
            except HostError as error:
                problems.append(error)
                scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(write, nursery.cancel_scope)
            try:
                await run(
                    cached.git.words("cat-file", "--batch", directory=cached.directory),
                    cached.git.environment,
                    cached.git.nowhere,
                    limits=HERE,
                    stdin=wanted,
                    stdout=telling,
                )
            except HostError as error:
                # What it has not told is missed by the thread as well: this is the reason.
                problems.insert(0, error)
                telling.close()
    if problems:
        raise cached.damaged() if isinstance(problems[0], Damaged) else problems[0]
    return pointers


def _wanted(entries: Sequence[Entry], directory: Path) -> IO[bytes]:
    """Return a file without a name, with the hashes of the files."""
    file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115  # the caller closes it
    file.write("".join(f"{entry.object}\n" for entry in entries if entry.is_file).encode())
    file.seek(0)
    return file


def _write_all(entries: Sequence[Entry], told: IO[bytes], into: Path) -> list[str]:
    """Write files and directories; return those whose content lies with Git LFS."""
    pointers: list[str] = []
    disk.must_be_free(into)
    with disk.staged(into) as new:
        new.mkdir(mode=0o755)
        for entry in entries:
            path = new / entry.path
            if entry.kind == "tree":
                path.mkdir(mode=0o755)
            elif _write_file(entry, told, path):
                pointers.append(entry.path)
        new.rename(into)
    return pointers


def _write_file(entry: Entry, told: IO[bytes], path: Path) -> bool:
    """Write what git tells of one object; say whether it only points to its content."""
    if told.readline() != f"{entry.object} blob {entry.size}\n".encode():
        raise Damaged("git tells of another object than it was asked for")
    digest, left, pointer = _hash(entry), entry.size, False
    descriptor = os.open(path, _OPEN, 0o600)
    with open(descriptor, "wb") as file:
        while left:
            data = told.read(min(BLOCK, left))
            if not data:
                raise Damaged("git has ended too early")
            pointer = pointer or (left == entry.size < 1024 and data.startswith(_POINTER))
            digest.update(data)
            file.write(data)
            left -= len(data)
        os.fchmod(descriptor, 0o755 if entry.mode & 0o111 else 0o644)
    if told.read(1) != b"\n" or digest.hexdigest() != entry.object:
        raise Damaged("an object has another content than its name says")
    return pointer


def _hash(entry: Entry) -> Digest:
    # SHA-1 is what git calls most objects by.
    kind = "sha1" if len(entry.object) == 40 else "sha256"
    return hashlib.new(kind, f"blob {entry.size}\0".encode(), usedforsecurity=False)


def _digest(entry: Entry, data: bytes) -> str:
    digest = _hash(entry)
    digest.update(data)
    return digest.hexdigest()
