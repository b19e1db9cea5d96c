"""What SQLite's complaints about the journal mean: a sentence for people, or damage."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from peppy.actors.host.files import cannot
from peppy.actors.host.ports import HostError

_REFUSED: Final[dict[int, tuple[str, str | None]]] = {
    sqlite3.SQLITE_FULL: ("no space left on device", "make room, and try again"),
    sqlite3.SQLITE_BUSY: (
        "another program holds it locked",
        "end what has it open, such as an SQLite shell",
    ),
    sqlite3.SQLITE_LOCKED: ("it is locked", None),
    sqlite3.SQLITE_READONLY: ("it may only be read", "see who owns it, and its file system"),
    sqlite3.SQLITE_PERM: ("permission denied", "see who owns it"),
    sqlite3.SQLITE_AUTH: ("permission denied", "see who owns it"),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "see who owns it, and its directory"),
    sqlite3.SQLITE_IOERR: ("the disk fails, or has no room", "see the system's log"),
    sqlite3.SQLITE_NOMEM: ("there is no memory left", None),
    sqlite3.SQLITE_INTERRUPT: ("reading it takes too long", None),
}
"""Codes of SQLite that say nothing about what is in the file."""


class Damaged(Exception):
    """The file is not what was written; why, as the part of a sentence."""


@contextmanager
def cannot_use(path: Path, what: str) -> Generator[None, None, None]:
    """Turn what SQLite and the system raise in the block into `HostError`, or into `Damaged`."""
    try:
        yield
    except sqlite3.Error as error:
        # The low byte is the kind; the rest says in which place of SQLite it came up.
        refused = _REFUSED.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if refused is None:
            raise Damaged(str(error)) from error
        why, hint = refused
        raise HostError(f"cannot {what} the journal '{path}': {why}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise Damaged("it has text in it that is none") from error
    except OSError as error:
        raise cannot(f"{what} the journal", path, error) from error
