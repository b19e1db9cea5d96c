"""The shape of a JSON5 text: objects and lists, each value with its place.

Depth and number of values are bounded, so that no text costs more than its length deserves.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from peppy.schema.places import Spot, joined
from peppy.schema.tokens import Malformed, Token, TokenKind, tokens
from peppy.schema.wording import did_you_mean, quoted

DEEPEST: Final = 64
"""Objects and lists inside one another; no document that a person writes comes near it."""

MOST_VALUES: Final = 50_000
"""Values in one document: a bound on time, far above what a document needs."""

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


class Scalars(Protocol):
    """What turns tokens into values; each raises `Malformed`."""

    def string(self, token: Token) -> str:
        """Return what a quoted string says."""
        ...

    def key(self, token: Token) -> str:
        """Return what an unquoted key says."""
        ...

    def number(self, token: Token) -> int | float:
        """Return a number's value."""
        ...


class Grammar:
    """One reading of one text."""

    def __init__(self, text: str, scalars: Scalars) -> None:
        self._tokens: Iterator[Token] = tokens(text)
        self._scalars = scalars
        self._values = 0
        self.duplicates: list[tuple[int, str, str]] = []
        """The offset, the path and the key of each key that its object already has."""

    def document(self) -> Spot:
        """Return the document's only value, or raise `Malformed`."""
        first = self._next()
        if first.kind is TokenKind.END:
            raise Malformed(first.offset, "there is nothing here but comments")
        self._token = first
        root = self._value("", 0, None)
        if self._token.kind is not TokenKind.END:
            raise Malformed(
                self._token.offset, f"the document ends before {quoted(self._token.text)}"
            )
        return root

    def _next(self) -> Token:
        self._token = next(self._tokens)
        return self._token

    def _value(self, path: str, depth: int, key: int | None) -> Spot:
        token = self._token
        self._values += 1
        if self._values > MOST_VALUES:
            raise Malformed(token.offset, f"the document has more than {MOST_VALUES} values")
        match token.kind, token.text:
            case TokenKind.MARK, "{" | "[" if depth == DEEPEST:
                raise Malformed(token.offset, f"this is nested more than {DEEPEST} levels deep")
            case TokenKind.MARK, "{":
                return self._object(path, depth, key)
            case TokenKind.MARK, "[":
                return self._list(path, depth, key)
            case _:
                value = self._scalar(token)
                self._next()
                return Spot(value, token.offset, key)

    def _scalar(self, token: Token) -> object:
        match token.kind:
            case TokenKind.STRING:
                return self._scalars.string(token)
            case TokenKind.NUMBER:
                return self._scalars.number(token)
            case TokenKind.WORD if token.text in _WORDS:
                return _WORDS[token.text]
            case TokenKind.WORD:
                guess = did_you_mean(token.text, _WORDS) or ", a string stands in quotes"
                raise Malformed(token.offset, f"{quoted(token.text)} is not a value{guess}")
            case _:
                raise self._expected("a value")

    def _object(self, path: str, depth: int, key: int | None) -> Spot:
        start = self._token.offset
        members: dict[str | int, Spot] = {}
        self._next()
        while self._token.text != "}":
            at = self._token.offset
            name = self._key()
            if self._next().text != ":":
                raise self._expected(f"':' after {quoted(name)}")
            self._next()
            inner = joined(path, name)
            spot = self._value(inner, depth + 1, at)
            if name in members:
                self.duplicates.append((at, inner, name))
            else:
                members[name] = spot
            self._separator("}")
        self._next()
        value = {name: spot.value for name, spot in members.items()}
        return Spot(value, start, key, members)

    def _list(self, path: str, depth: int, key: int | None) -> Spot:
        start = self._token.offset
        members: dict[str | int, Spot] = {}
        self._next()
        while self._token.text != "]":
            index = len(members)
            members[index] = self._value(joined(path, index), depth + 1, None)
            self._separator("]")
        self._next()
        return Spot([spot.value for spot in members.values()], start, key, members)

    def _key(self) -> str:
        match self._token.kind:
            case TokenKind.STRING:
                return self._scalars.string(self._token)
            case TokenKind.WORD:
                return self._scalars.key(self._token)
            case TokenKind.NUMBER if self._token.text in ("NaN", "Infinity"):
                return self._token.text
            case _:
                raise self._expected("a key or '}'")

    def _separator(self, end: str) -> None:
        if self._token.text == ",":
            self._next()
        elif self._token.text != end:
            raise self._expected(f"',' or '{end}'")

    def _expected(self, what: str) -> Malformed:
        text = self._token.text
        found = f"{quoted(text)} stands" if text else "the text ends"
        return Malformed(self._token.offset, f"{found} where {what} is expected")
