"""How problems are worded: quoted names, kinds of values, what was probably meant."""

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Final

LONGEST_QUOTE: Final = 60
"""Characters of a person's own text that a sentence repeats; the rest is left out."""


MOST_CANDIDATES: Final = 1000
"""Words among which a guess is looked for: comparing takes microseconds for each."""


def quoted(text: str) -> str:
    """Return `text` in single quotes, cut to a bearable length, safe to show on a terminal."""
    cut = text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return f"'{shown}'"


def either(words: Iterable[str]) -> str:
    """Return quoted words as a choice: `'a', 'b' or 'c'`."""
    *most, last = [quoted(word) for word in words]
    return f"{', '.join(most)} or {last}" if most else last


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed word that was probably meant, or None if none comes near."""
    if len(word) > LONGEST_QUOTE:
        return None
    by_case = {candidate.lower(): candidate for candidate in islice(allowed, MOST_CANDIDATES)}
    # Two letters with one of them wrong are half right, and mostly a type such as 'u8'.
    cutoff = 0.5 if len(word) <= 2 else 0.6
    found = difflib.get_close_matches(word.lower(), by_case, n=1, cutoff=cutoff)
    return by_case[found[0]] if found else None


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` to end a sentence with, or nothing if nothing comes near."""
    guess = nearest(word, allowed)
    return "" if guess is None else f"; did you mean {quoted(guess)}?"


def reason(error: OSError) -> str:
    """Return why the system has refused something, to end a sentence with."""
    why = error.strerror or str(error)
    return why[:1].lower() + why[1:]


def counted(number: int, what: str) -> str:
    """Return `1 instance`, `2 instances`."""
    return f"1 {what}" if number == 1 else f"{number} {what}s"


def described(value: object) -> str:
    """Return what kind of value this is, as in `a string`."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "a string"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case _:
            return f"a value of type {quoted(type(value).__name__)}"
