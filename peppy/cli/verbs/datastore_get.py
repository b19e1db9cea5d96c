"""`peppy datastore get`."""

import sys

import msgspec

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.datastore_keys import no_value
from peppy.cli.drawing.datastore import text_of, value
from peppy.cli.options import DatastoreKey, Json
from peppy.cli.style import is_terminal
from peppy.cli.terminal import Terminal
from peppy.schema.datastore import Encoding, GetValue


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A value, as JSON shows it."""

    key: str
    encoding: Encoding
    last_modified_by: str
    size: int
    value: bytes
    """In JSON as base64."""
    text: str | None
    """The value where it is text, else None."""


def datastore_get(key: DatastoreKey, /, *, json: Json = False) -> None:
    """Print what the datastore keeps under a key.

    Into a pipe or a file its bytes go as they are.

    Example: peppy datastore get arm_lock
    """
    terminal = Terminal(json=json)
    stored = ask(GetValue(key=key), terminal, timeout=QUESTION_TIMEOUT).stored
    if stored is None:
        raise no_value(key, terminal)
    if json:
        terminal.document(
            Found(
                key=key,
                encoding=stored.encoding,
                last_modified_by=stored.last_modified_by,
                size=len(stored.value),
                value=stored.value,
                text=text_of(stored),
            )
        )
    elif is_terminal(sys.stdout):
        terminal.result(stored, value(stored))
    else:
        terminal.raw(stored.value)
