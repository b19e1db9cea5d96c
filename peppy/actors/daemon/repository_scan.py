"""What a directory holds that people can name: nodes and launch files. Nothing in it is run."""

from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import trio

from peppy.actors.host.ports import DOCUMENT, Files, FoundFile
from peppy.actors.stack.repository_index import LAUNCHER, NODE
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.json5 import LARGEST, parse
from peppy.schema.launcher_reader import looks_like_launcher, read_launcher
from peppy.schema.node_reader import read_node_document
from peppy.schema.repositories import RepositoryEntry
from peppy.schema.wording import quoted

SUFFIX: Final = ".json5"

LOCK_SUFFIX: Final = ".lock.json5"

OLD_NAME: Final = "peppy_launcher"
"""How every launch file of the older generation is called (behaviour.md 6)."""

DEEPEST: Final = 8
"""Directories in one another that are looked at."""

MOST_DOCUMENTS: Final = 2000
"""Files that are looked at: ten times what the largest hubs of nodes have."""

MOST_PROBLEMS: Final = 50
"""Sentences about unreadable documents; more help nobody."""


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    entries: tuple[RepositoryEntry, ...]
    """By kind and name; `excluded` is not filled in."""
    problems: tuple[str, ...]
    launch_files: dict[str, str]
    """The texts of the launch files, and of the lock files beside them, by their paths."""


class _Finds:
    """What has come up so far."""

    def __init__(self) -> None:
        self.entries: list[RepositoryEntry] = []
        self.problems: list[str] = []
        self.launch_files: dict[str, str] = {}
        self.locks: dict[str, str] = {}

    def node(self, path: str, text: bytes) -> None:
        """Take the document of a node, or of a variant, which nobody asks for by name."""
        directory = path.removesuffix(DOCUMENT).rstrip("/")
        root = parse(text, path).root
        if isinstance(root.value, dict) and "manifest" not in root.members:
            return
        node = read_node_document(text, path).manifest.id
        self.entries.append(RepositoryEntry(name=str(node), kind=NODE, path=directory))

    def launcher(self, path: str, text: bytes, repository: str) -> None:
        """Take a launch file."""
        read_launcher(text, path, f"/{Path(path).parent}")
        name = launcher_name(path, repository)
        self.launch_files[path] = text.decode()
        self.entries.append(RepositoryEntry(name=name, kind=LAUNCHER, path=path))

    def result(self) -> Scan:
        """Return all of it, in order."""
        beside = {
            lock: text
            for lock, text in self.locks.items()
            if lock.removesuffix(LOCK_SUFFIX) + SUFFIX in self.launch_files
        }
        hidden = len(self.problems) - MOST_PROBLEMS
        more = (f"there are {hidden} more problems",) if hidden > 0 else ()
        return Scan(
            entries=tuple(sorted(self.entries, key=lambda e: (e.kind, e.name, e.path))),
            problems=(*self.problems[:MOST_PROBLEMS], *more),
            launch_files=self.launch_files | beside,
        )


async def scan(files: Files, directory: Path, repository: str) -> Scan:
    """Return what the directory of the repository so called holds. Raises `HostError`."""
    finds = _Finds()
    found = await files.find(directory, SUFFIX, depth=DEEPEST, most=MOST_DOCUMENTS + 1)
    if len(found) > MOST_DOCUMENTS:
        finds.problems.append(
            f"it has more than {MOST_DOCUMENTS} documents, and only so many are looked at"
        )
    for file in found[:MOST_DOCUMENTS]:
        if _is_sound(file, finds):
            try:
                text = await files.read(directory / file.path)
                # A large document takes a while to read, and the daemon has nodes to look after.
                await trio.to_thread.run_sync(partial(_take, finds, file.path, text, repository))
            except PeppyError as error:
                finds.problems.append(sentence(file.path, error))
    return finds.result()


def launcher_name(path: str, repository: str) -> str:
    """Return how people call a launch file: as the file, or as what it lies in if they all do."""
    file = Path(path)
    return file.stem if file.stem != OLD_NAME else file.parent.name or repository


def sentence(path: str, error: PeppyError) -> str:
    """Return what is wrong with a document, in one line."""
    if not isinstance(error, DocumentError):
        return f"{path}: {error.sentence}"
    first = error.problems[0]
    place = f":{first.line}:{first.column}" if first.line else ""
    inner = f" {first.path}:" if first.path else ""
    more = len(error.problems) - 1
    others = "" if more == 0 else f" (and {more} more)"
    return f"{path}{place}:{inner} {first.what}{others}"


def _is_sound(file: FoundFile, finds: _Finds) -> bool:
    """Say whether a file can be a document; note what somebody took for one."""
    if not file.path.isprintable():  # nor is what is no text
        finds.problems.append(f"{quoted(file.path)} has a name that cannot be shown")
        return False
    if file.size <= LARGEST:
        return True
    if Path(file.path).name == DOCUMENT:
        finds.problems.append(f"{file.path}: the document is larger than {LARGEST // 1024} KiB")
    return False


def _take(finds: _Finds, path: str, text: bytes, repository: str) -> None:
    if Path(path).name == DOCUMENT:
        finds.node(path, text)
    elif path.endswith(LOCK_SUFFIX):
        finds.locks[path] = text.decode("utf-8", "replace")
    elif looks_like_launcher(text):
        finds.launcher(path, text, repository)
