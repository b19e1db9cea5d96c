"""Values of the datastore, for people."""

from collections.abc import Sequence
from typing import Final

from peppy.cli.drawing.table import box_table
from peppy.cli.style import printable
from peppy.schema.datastore import DatastoreEntry, Encoding, SetView, StoredValue
from peppy.schema.wording import counted

HEADER: Final = ("KEY", "ENCODING", "BYTES", "LAST MODIFIED BY")

_TEXTS: Final = ("application/json", "application/xml", "application/yaml")


def entries(listed: Sequence[DatastoreEntry]) -> str:
    """Return a table of the keys, or a line if there are none."""
    if not listed:
        return "The datastore is empty"
    rows = [
        (
            printable(entry.key).replace("\n", " "),
            printable(entry.encoding).replace("\n", " "),
            str(entry.size),
            entry.last_modified_by,
        )
        for entry in listed
    ]
    return box_table(HEADER, rows)


def text_of(stored: StoredValue) -> str | None:
    """Return the text in a value, None where its encoding or its bytes say that it is none."""
    if not (stored.encoding.startswith("text/") or stored.encoding in _TEXTS):
        return None
    try:
        return stored.value.decode()
    except UnicodeDecodeError:
        return None


def value(stored: StoredValue) -> str:
    """Return a value as a terminal shows it: its text, or how much there is of what."""
    text = text_of(stored)
    if text is None:
        what = "binary" if stored.encoding is Encoding.APPLICATION_OCTET_STREAM else stored.encoding
        size = counted(len(stored.value), "byte")
        return f"({size} of {printable(what)}; in a pipe they come as they are)"
    return printable(text)


def kept(view: SetView) -> str:
    """Return what was stored."""
    verb = "Replaced" if view.replaced else "Stored"
    return f"{verb} '{printable(view.key)}' ({counted(view.size, 'byte')})"


def removed(key: str) -> str:
    """Return what is no longer there."""
    return f"Removed '{printable(key)}'"
