"""`peppy datastore set`."""

import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.drawing.datastore import kept
from peppy.cli.options import DatastoreKey, Json
from peppy.cli.terminal import Terminal
from peppy.cli.usage import Usage
from peppy.schema.datastore import LARGEST_VALUE, Encoding, SetValue, check_value
from peppy.schema.errors import PeppyError
from peppy.schema.json5 import parse
from peppy.schema.wording import reason

STDIN: Final = Path("-")


def datastore_set(
    key: DatastoreKey,
    text: Annotated[
        str | None, Parameter(name="VALUE", help="The value, as text.", allow_leading_hyphen=True)
    ] = None,
    /,
    *,
    file: Annotated[
        Path | None,
        Parameter(
            name="--file",
            help="Store what is in this file; - is stdin.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    json_value: Annotated[
        str | None,
        Parameter(
            name="--json-value",
            help="Store this JSON5 value, as JSON.",
            allow_leading_hyphen=True,
        ),
    ] = None,
    encoding: Annotated[
        str | None, Parameter(help="What the value is, as in text/plain or image/png.")
    ] = None,
    json: Json = False,
) -> None:
    """Keep a value in the datastore, where all nodes find it until the daemon stops.

    Examples: peppy datastore set arm_lock locked
    peppy datastore set limits --json-value '{speed: 1.5}'
    peppy datastore set map --file map.png --encoding image/png
    """
    terminal = Terminal(json=json)
    value, usual = _value(text, file, json_value)
    wanted = usual if encoding is None else Encoding(encoding)
    check_value(key, value, wanted)
    request = SetValue(key=key, value=value, encoding=wanted)
    view = ask(request, terminal, timeout=QUESTION_TIMEOUT)
    terminal.result(view, kept(view))


def _value(text: str | None, file: Path | None, json_value: str | None) -> tuple[bytes, Encoding]:
    """Return the value, and what it is unless that is said."""
    match (text, file, json_value):
        case (str(), None, None):
            return _text(text), Encoding.TEXT_PLAIN
        case (None, Path(), None):
            return _content(file), Encoding.APPLICATION_OCTET_STREAM
        case (None, None, str()):
            return _json(json_value), Encoding.APPLICATION_JSON
        case _:
            raise Usage(
                "'peppy datastore set' takes one value",
                hint="give it as VALUE, with '--file' or with '--json-value'",
            )


def _text(text: str) -> bytes:
    if text.startswith("-") and not text[1:2].isdigit():
        raise Usage(
            f"'peppy datastore set' has no use for '{text}'",
            hint="a value that begins like an option can come with '--file -'",
        )
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Usage("the value is not text in UTF-8", hint="store it with '--file'") from None


def _json(text: str) -> bytes:
    return msgspec.json.encode(parse(text, "the value").value)


def _content(file: Path) -> bytes:
    """Return what is in a file, no more than is needed to see that it is too much."""
    try:
        if file == STDIN:
            if sys.stdin is None:
                raise PeppyError("there is no standard input to read from")
            return sys.stdin.buffer.read(LARGEST_VALUE + 1)
        with file.open("rb") as opened:
            return opened.read(LARGEST_VALUE + 1)
    except OSError as error:
        raise PeppyError(f"cannot read '{file}': {reason(error)}") from error
