"""The ports through which the daemon touches the machine: clock, processes, files, sources.

The fifth port, the transport, belongs to the runtime: `peppy.runtime.transport.port`. Each port
has a real implementation and an in-memory one that keeps the same promises (one test suite for
both), so that the whole daemon runs inside one test, on virtual time. What takes time on a real
machine is `async` here and runs in worker threads there.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

import msgspec
import trio

from peppy.schema.durations import DAEMON_GRACE, force_kill_after
from peppy.schema.errors import PeppyError
from peppy.schema.events import Event
from peppy.schema.frames import Note
from peppy.schema.sources import Origin, PlacedSource

DOCUMENT: Final = "peppy.json5"
"""The name of a node's document in its directory."""

LOG_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a process's output in one file."""


class HostError(PeppyError):
    """The machine refuses: a file, a process or a source could not be had."""


class NoDocument(HostError):
    """A directory that is no node's."""

    kind = "no_document"

    def __init__(self, directory: object) -> None:
        super().__init__(
            f"there is no 'peppy.json5' in '{directory}'",
            hint="name a node's directory; 'peppy node init NAME' makes a new one",
        )


def silent(note: Note) -> None:
    """Tell nobody."""
    del note


class Clock(Protocol):
    """What time it is. Waiting is Trio's business, so that virtual time moves both."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...


class ExitStatus(msgspec.Struct, frozen=True):
    """How a process ended: one of the two is set, neither if nobody was there to see it."""

    code: int | None = None
    signal: int | None = None

    @property
    def clean(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.code == 0


class OutputLine(msgspec.Struct, frozen=True):
    """One line that a process printed, without its end; undecodable bytes are replaced."""

    stream: str
    """`stdout` or `stderr`."""
    text: str


class CommandLine(msgspec.Struct, frozen=True, kw_only=True):
    """What to start, where, with what around it, and where its output is kept."""

    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    """All of it: nothing is inherited."""
    log: Path
    """Lines are appended as `[YYYY-MM-DDTHH:MM:SS.mmm] [stdout] text` (behaviour.md 7.3)."""
    token: str
    """Stands in the environment of every process that comes of it, so that a sweep finds them."""
    grace: float = force_kill_after()
    """Seconds between SIGTERM and SIGKILL where it is ended without the daemon."""
    record: Path | None = None
    """A file for what an adopting daemon has to know, the process's end in it. With it the process
    outlives the daemon; without, it is ended when the daemon is gone."""
    abandoned_after: float = DAEMON_GRACE + force_kill_after()
    """Seconds without a daemon after which a process with a record is ended all the same: longer
    than a node takes to notice and to end itself."""
    log_limit: int = LOG_LIMIT
    """Bytes after which the log becomes `<log>.1`, and that `<log>.2`, up to `<log>.3`."""


class Process(Protocol):
    """One process and all that it started; without a record it is ended with the daemon."""

    @property
    def pid(self) -> int:
        """The process's own id."""
        ...

    @property
    def lines(self) -> trio.MemoryReceiveChannel[OutputLine]:
        """What it prints, for whoever cares; a full channel drops, the log never does."""
        ...

    async def wait(self) -> ExitStatus:
        """Return how it ended, when it and its output have; any number of times, by anyone."""
        ...

    def terminate(self) -> None:
        """Send SIGTERM to it and its group; nothing happens if it has ended."""
        ...

    def kill(self) -> None:
        """End it and everything that came of it, at once; nothing happens if it has ended."""
        ...

    def release(self) -> None:
        """Let a process with a record live on without this daemon, for one that adopts it."""
        ...


class Processes(Protocol):
    """Where processes come from."""

    async def start(self, command: CommandLine) -> Process:
        """Start `command`; raises `HostError` naming the program that is not there, say."""
        ...

    async def adopt(self, record: Path) -> Process | None:
        """Return the process that a former daemon started with this record, as if it were ours.

        One that has ended meanwhile says how, from its record; of one whose end nobody saw (the
        machine was started anew, its shim was killed) nothing lives when this returns, and its
        status has neither code nor signal. None if there is no such record, or none that can be
        read. Never signals a stranger that has got a recycled process id.
        """
        ...


class FoundFile(msgspec.Struct, frozen=True):
    """A file that was looked for."""

    path: str
    """Relative to where it was looked for; bytes that are no text are escaped as Python does."""
    size: int
    """Bytes."""


class Files(Protocol):
    """The file system. Paths are absolute. Every method raises `HostError` with the path in it."""

    async def read(self, path: Path) -> bytes:
        """Return a file's bytes."""
        ...

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        """Replace a file in one step: a reader sees the old text or the new, never a part."""
        ...

    async def append(self, path: Path, data: bytes, *, limit: int | None = None) -> None:
        """Add to a file's end, all or nothing; make it, and its directories, if it is not there.

        One that would get more than `limit` bytes becomes `<path>.1` first, as logs do.
        """
        ...

    async def exists(self, path: Path) -> bool:
        """Say whether anything is there."""
        ...

    async def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, sorted; nothing if it is not there."""
        ...

    async def find(self, directory: Path, suffix: str, *, depth: int, most: int) -> list[FoundFile]:
        """Return the regular files below a directory whose names end so, those above first.

        Links are not followed, and what snapshots leave out is not looked at (behaviour.md 11.1),
        nor what lies in more than `depth` directories. At most `most` files are returned.
        """
        ...

    async def make_directory(self, path: Path) -> None:
        """Make a directory and those above it; fine if it is there."""
        ...

    async def write_tree(self, directory: Path, tree: Mapping[str, str]) -> None:
        """Replace a directory by one with these files (relative path to text), in one step."""
        ...

    async def copy(self, directory: Path, to: Path) -> None:
        """Copy a whole directory, links as links, to a place that must not be there yet."""
        ...

    async def move(self, path: Path, to: Path) -> None:
        """Rename within one file system, replacing what is at `to`."""
        ...

    async def remove(self, path: Path) -> None:
        """Remove a file or a whole directory; fine if it is not there. Never follows a link."""
        ...

    async def pack(self, directory: Path, artifact: Path) -> None:
        """Make a `.tar.zst` of a built directory, links and modes included; all or nothing."""
        ...

    async def unpack(self, artifact: Path, directory: Path) -> None:
        """Lay out an artifact that `pack` made, so that it works in its new place."""
        ...

    async def digest(self, directory: Path) -> str:
        """Return a digest of all that lies in a directory: names, kinds, contents, what may be run.

        The same wherever the directory lies; times and owners do not count.
        """
        ...

    async def tail(self, path: Path, lines: int) -> list[str]:
        """Return a text file's last lines; nothing if it is not there.

        Where it has too few, those before come from `<path>.1`: a log is rotated there.
        """
        ...


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """How something is fetched."""

    note: Callable[[Note], None] = silent
    """Told of progress."""
    environment: Mapping[str, str] = {}
    """The caller's, for what authenticates: an SSH agent's socket, a proxy's address."""
    offline: bool = False
    """Whether only what is cached may be used."""
    pin: Origin | None = None
    """What has to come of it: that commit, or that digest. None takes what is there now."""
    inside: str = ""
    """A directory relative to the one that the source names, as in `variants/mock`; with `..` it
    may leave that one, but neither the repository nor the archive."""


AT_HAND: Final = Fetching()
"""Silently, and whatever is there now."""


class FoundDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A node's document where it lies, before anything else of the node is fetched."""

    text: bytes
    name: str
    """What messages call it: its path, or where it came from and its path there."""
    origin: Origin


class Sources(Protocol):
    """Where node directories come from. Raises `HostError` where one cannot be had.

    What is fetched over a network is cached, never in parts, and fetched again only where the
    source may have changed: a branch has, a commit or a digest has not.
    """

    async def read(self, source: PlacedSource, how: Fetching = AT_HAND) -> FoundDocument:
        """Return the `peppy.json5` of a source; raises `NoDocument` where there is none."""
        ...

    async def fetch(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy a node's source to the directory `into`, which must not be there yet.

        Left out: `.peppy`, virtual environments, caches, `target`, `node_modules`, `build`, `.git`
        and symbolic links (behaviour.md 11.1). All or nothing. Returns where it came from, exactly.
        """
        ...

    async def copy(self, source: PlacedSource, into: Path, how: Fetching = AT_HAND) -> Origin:
        """Copy all below a source as `fetch` does, be it a node or not: a repository, say."""
        ...


class Journal(Protocol):
    """What the daemon has promised, and what has happened: durable once a method has returned."""

    async def load(self) -> dict[str, bytes]:
        """Return every record, by its key. Raises `HostError` where they cannot be had."""
        ...

    async def commit(
        self, records: Mapping[str, bytes | None], events: Sequence[Event] = ()
    ) -> tuple[Event, ...]:
        """Write records (None removes one) and append events, all or nothing, in order of calls.

        Returns the events with the numbers that they have got; those they had count for nothing.
        Raises `HostError`, as for a full disk; then nothing of it has happened.
        """
        ...

    async def events(
        self, *, after: int = 0, since: float | None = None, limit: int | None = None
    ) -> tuple[Event, ...]:
        """Return events with a number above `after` and not older than `since`, oldest first.

        Where `limit` cuts, the newest stay.
        """
        ...

    async def close(self) -> None:
        """Let go of it, also where the caller is cancelled. Nothing is lost without."""
        ...


class Host(msgspec.Struct, frozen=True):
    """The ports of one machine, together."""

    clock: Clock
    processes: Processes
    files: Files
    sources: Sources
    journal: Journal
