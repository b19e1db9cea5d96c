"""Names as identifiers of generated code. Source: behaviour.md 8.2, "sanitising"."""

import keyword
import re
from collections.abc import Iterable
from typing import Final

_OTHER: Final = re.compile(r"[^a-z0-9_]")


def identifier(name: str) -> str:
    """Return `name` as a Python identifier.

    Lower case; what is not an ASCII letter, digit or `_` becomes `_`; a digit in front gets `_`
    before it, a Python keyword gets `_` after it.
    """
    plain = _OTHER.sub("_", name.lower())
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def collisions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return each name that becomes the same identifier as an earlier one, with that earlier one.

    The later name stands first in each pair; the same name twice does not collide with itself.
    """
    first: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for name in names:
        earlier = first.setdefault(identifier(name), name)
        if earlier != name:
            pairs.append((name, earlier))
    return pairs
