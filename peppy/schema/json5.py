"""The only door to the `json5` library: a text in, plain values with their places out.

The library reads a character at a time, about ten microseconds each, and recurses some fifteen
frames per level. So the shape of a document is read by our own grammar, plain strings and numbers
are taken as they stand, and the library judges what takes judgement: escapes, odd numbers and
keys. It sees single tokens only, and no more of them than `LIBRARY_BUDGET` allows.
"""

import math
import re
from typing import Final, cast

import json5

from peppy.schema.errors import DocumentError, Problem
from peppy.schema.grammar import Grammar
from peppy.schema.places import Lines, Parsed
from peppy.schema.tokens import Malformed, Token
from peppy.schema.wording import quoted

LARGEST: Final = 1024 * 1024
"""Bytes of a document; a larger file is not one."""

LIBRARY_BUDGET: Final = 64 * 1024
"""Characters that the library reads for one document, about half a second's worth."""

_TOKEN_COST: Final = 16
"""What one call of the library costs beyond its token's length, in characters."""

_LONGEST_NUMBER: Final = 400
"""Characters; a finite double written out in full has fewer."""

_BAD_ESCAPE: Final = "this string has an escape that JSON5 does not have"

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PLAIN_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_PLAIN_FLOAT: Final = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")


def parse(text: str | bytes, source: str) -> Parsed:
    """Return the values of a JSON5 text and their places.

    `source` is what messages call the text. Raises `DocumentError` for what is not JSON5, and
    for what JSON5 allows but a document may not have: duplicate keys, numbers that are not finite
    or do not fit 64 bits, and more than `LARGEST` bytes.
    """
    decoded = _decode(text, source)
    lines = Lines(decoded)
    grammar = Grammar(decoded, _Library())
    try:
        root = grammar.document()
    except Malformed as malformed:
        place = lines.place(malformed.offset)
        raise DocumentError(
            source, [Problem(place.line, place.column, "", malformed.what)]
        ) from None
    if grammar.duplicates:
        raise DocumentError(
            source,
            [
                Problem(place.line, place.column, path, f"{quoted(key)} stands here a second time")
                for place, path, key in sorted(
                    (lines.place(offset), path, key) for offset, path, key in grammar.duplicates
                )
            ],
        )
    return Parsed(source, root, lines)


def _decode(text: str | bytes, source: str) -> str:
    if len(text) > LARGEST:
        raise _whole(source, f"the document is larger than {LARGEST // 1024} KiB")
    if isinstance(text, str):
        decoded = text
        broken = next((i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff"), None)
        if broken is not None:
            raise _undecodable(source, text[:broken])
    else:
        try:
            decoded = text.decode()
        except UnicodeDecodeError as error:
            raise _undecodable(source, text[: error.start].decode()) from None
    if decoded.startswith("\ufeff"):
        raise _whole(source, "the text begins with a byte order mark, save it without one")
    if not decoded.strip():
        raise _whole(source, "the document is empty")
    return decoded


def _whole(source: str, what: str) -> DocumentError:
    return DocumentError(source, [Problem(0, 0, "", what)])


def _undecodable(source: str, before: str) -> DocumentError:
    place = Lines(before).place(len(before))
    what = "the text is not UTF-8 from here on, save it as UTF-8"
    return DocumentError(source, [Problem(place.line, place.column, "", what)])


class _Library:
    """Tokens into values, the plain ones at once and the others by the library."""

    def __init__(self) -> None:
        self._left = LIBRARY_BUDGET

    def string(self, token: Token) -> str:
        """Return what a quoted string says."""
        if "\\" not in token.text:
            return token.text[1:-1]
        return _joined_surrogates(str(self._load(token, token.text, _BAD_ESCAPE)), token)

    def key(self, token: Token) -> str:
        """Return what an unquoted key says."""
        if _PLAIN_KEY.fullmatch(token.text):
            return token.text
        complaint = f"{quoted(token.text)} is not a key, put it into quotes"
        loaded = self._load(token, f"{{{token.text}:0}}", complaint)
        return _joined_surrogates(next(iter(cast("dict[str, object]", loaded))), token)

    def number(self, token: Token) -> int | float:
        """Return a number's value: finite, and if whole, of 64 bits at most."""
        text = token.text
        if len(text) > _LONGEST_NUMBER:
            raise Malformed(token.offset, "this number has too many digits")
        if _PLAIN_INTEGER.fullmatch(text):
            value: int | float = int(text)
        elif _PLAIN_FLOAT.fullmatch(text):
            value = float(text)
        else:
            value = cast("int | float", self._load(token, text, f"{quoted(text)} is not a number"))
        if isinstance(value, float) and not math.isfinite(value):
            raise Malformed(token.offset, f"{quoted(text)} is not a finite number")
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            raise Malformed(token.offset, f"{quoted(text)} does not fit into 64 bits")
        return value

    def _load(self, token: Token, text: str, complaint: str) -> object:
        self._left -= len(text) + _TOKEN_COST
        if self._left < 0:
            raise Malformed(token.offset, "the document has too many escapes and odd numbers")
        try:
            return json5.loads(text)
        except ValueError:
            raise Malformed(token.offset, complaint) from None


def _joined_surrogates(text: str, token: Token) -> str:
    # The library gives each half of an escaped pair as its own character.
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise Malformed(token.offset, "this has half of a surrogate pair") from None
