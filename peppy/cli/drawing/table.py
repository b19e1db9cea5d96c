"""A table in a box."""

import unicodedata
from collections.abc import Sequence


def box_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are as wide as their widest cell."""
    widths = [max(map(_width, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        _rule("┌┬┐", widths),
        _row(header, widths),
        _rule("├┼┤", widths),
        *(_row(row, widths) for row in rows),
        _rule("└┴┘", widths),
    ]
    return "\n".join(lines)


def _rule(corners: str, widths: Sequence[int]) -> str:
    inner = corners[1].join("─" * (width + 2) for width in widths)
    return corners[0] + inner + corners[2]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
    )
    return "│ " + " │ ".join(padded) + " │"


def _width(text: str) -> int:
    """Return how many columns of a terminal `text` takes; paths may hold any writing."""
    if text.isascii():  # each letter is one column, and a table of many rows is drawn at once
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else _columns(unicodedata.east_asian_width(letter))
        for letter in text
    )


def _columns(east_asian_width: str) -> int:
    return 2 if east_asian_width in "WF" else 1
