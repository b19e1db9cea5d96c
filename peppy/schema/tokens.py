"""The tokens of a JSON5 text, with their offsets. Nothing here recurses or looks back.

Tokens are cut generously; whether a number or an escape is well formed is for the library to say
(`peppy.schema.json5`).
"""

import enum
import re
from collections.abc import Iterator
from typing import Final

import msgspec

from peppy.schema.wording import quoted


class TokenKind(enum.Enum):
    """What a token is; the value is the name of its group in the pattern."""

    MARK = "mark"
    STRING = "string"
    NUMBER = "number"
    WORD = "word"
    END = "end"


class Token(msgspec.Struct, frozen=True):
    """One token as the text has it."""

    kind: TokenKind
    text: str
    offset: int


class Malformed(Exception):
    """The text stops being JSON5 at `offset`; becomes a `DocumentError` where lines are known."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what


_SPACE: Final = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

# Possessive repetition keeps a long or unclosed string linear in time and constant in memory.
_PATTERN: Final = re.compile(
    rf"""
      (?P<space> [{_SPACE}]++ | //[^\n\r\u2028\u2029]*+ | /\*(?s:.*?)\*/ )
    | (?P<mark> [{{}}\[\]:,] )
    | (?P<string> "(?:[^"\\\n\r]++|\\(?:\r\n|(?s:.)))*+" | '(?:[^'\\\n\r]++|\\(?:\r\n|(?s:.)))*+' )
    | (?P<number> [+-]?
        (?: [0-9.](?:[0-9A-Za-z_.$]|(?<=[eE])[+-])*+ | (?:Infinity|NaN)(?![\w$\\]) ) )
    | (?P<word> (?: [A-Za-z0-9_$] | \\u[0-9A-Fa-f]{{4}} | [^\x00-\x7f{_SPACE}] )++ )
    """,
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text`, the last one `END`; raise `Malformed` where there is none."""
    offset = 0
    while offset < len(text):
        found = _PATTERN.match(text, offset)
        if found is None:
            raise Malformed(offset, _complaint(text, offset))
        if found.lastgroup != "space":
            yield Token(TokenKind(found.lastgroup), found.group(), offset)
        offset = found.end()
    yield Token(TokenKind.END, "", offset)


def _complaint(text: str, offset: int) -> str:
    match text[offset]:
        case '"' | "'":
            return "this string is not closed on its line"
        case "/" if text.startswith("/*", offset):
            return "this comment is not closed"
        case other:
            return f"{quoted(other)} has no meaning here"
