"""What a node says unasked, and how much of that is listened to.

A node that floods is cut off until it has kept to the limit for a whole minute; its log gets one
line about that, so that neither the log nor the list grows with what a node sends.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

KEPT: Final = 20
"""Different sentences of one instance that are shown."""

MOST_A_MINUTE: Final = 100
"""Notices within a minute that are listened to; what a person should see comes now and then."""

MINUTE: Final = 60.0
"""Seconds."""

LONGEST: Final = 1000
"""Characters of a sentence; a mismatch with five differences has about 500."""

CUT_OFF: Final = f"sends more than {MOST_A_MINUTE} notices a minute; what follows is not shown"


class Heard(msgspec.Struct, frozen=True):
    """What is known of one instance's notices."""

    warnings: tuple[str, ...] = ()
    """The last different sentences, the newest last."""
    minute: float = 0.0
    """When the present minute began, in seconds of any clock that only goes on."""
    number: int = 0
    """Notices in this minute."""
    cut_off: bool = False


def hear(heard: Heard, sentence: str, now: float) -> tuple[Heard, str | None]:
    """Return what is known after `sentence`, and the text for the log, if there is one."""
    minute, number, cut_off = heard.minute, heard.number + 1, heard.cut_off
    if now - minute >= MINUTE:
        # A minute in which nothing at all was said is a quiet one too.
        quiet = heard.number <= MOST_A_MINUTE or now - minute >= 2 * MINUTE
        minute, number, cut_off = now, 1, cut_off and not quiet
    text = one_line(sentence)
    if number > MOST_A_MINUTE and not cut_off:
        text, cut_off = CUT_OFF, True
    elif cut_off or not text:
        return Heard(heard.warnings, minute, number, cut_off), None
    return Heard(_with(heard.warnings, text), minute, number, cut_off), text


def one_line(text: str) -> str:
    """Return `text` as one line of at most `LONGEST` characters that a terminal can show."""
    words = "".join(each if each.isprintable() else " " for each in text[: 2 * LONGEST]).split()
    return " ".join(words)[:LONGEST]


def _with(warnings: Iterable[str], text: str) -> tuple[str, ...]:
    others = [warning for warning in warnings if warning != text]
    return (*others, text)[-KEPT:]
