"""The listings of the pages of docs/: what their tests type, lay down and run."""

import re
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).resolve().parent.parent

BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(msgspec.Struct, frozen=True):
    """One listing of a page: its language, the file that it is said to be, and its text."""

    language: str
    file: str | None
    text: str


def blocks(page: str) -> list[Block]:
    """Return the listings of a page, named by its path in this repository."""
    return [
        Block(match[1], match[2] or None, match[3])
        for match in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    ]
