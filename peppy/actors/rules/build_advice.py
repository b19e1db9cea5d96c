"""What to do about a failed build, or a start that shows it was a bad one; pure."""

import re
from collections.abc import Iterable
from typing import Final

_BREAKS: Final = re.compile(r"[\s│╰├─▶]+")
"""Between words: space, and what uv draws at the sides of a broken line."""

_ADVICE: Final = (
    (
        re.compile(r"Distribution not found at: file:"),
        "a node is built from a copy of its own directory: what its project names beside that,"
        " as in '../shared', has to be a package from elsewhere, or lie within",
    ),
    (
        re.compile(r"No interpreter found for Python|python-build-standalone"),
        "no Python of this machine suits the node's 'requires-python' or '.python-version', and uv"
        " could not fetch one: install one that does, or widen the bound",
    ),
    (
        re.compile(r"does not satisfy Python[<>=~!]"),
        "the node's 'requires-python' allows Pythons that one of its packages does not:"
        " bindings need 3.11 or newer",
    ),
    (
        re.compile(r"lockfile at `uv\.lock` needs to be updated"),
        "the node's 'uv.lock' was made with other bindings: run 'peppy node sync' and 'uv lock' in"
        " its directory, or build it without '--locked'",
    ),
    (
        re.compile(r"No module named '(anyio|msgspec|zenoh)'"),
        "the node's environment lacks what its bindings need: '--frozen' takes a 'uv.lock' that was"
        " made with other ones; 'peppy node sync' and 'uv lock' in its directory renew it",
    ),
    (
        re.compile(r"dns error|Could not connect|tcp connect error|operation timed out", re.I),
        "the build could not reach the network",
    ),
)
"""What the output says, and what that means for a node; the first that fits counts."""


def build_advice(output: Iterable[str]) -> str | None:
    """Return what to do about a build, or a start, that ended like this; None if unknown."""
    # uv breaks its lines at 80 columns, wherever a path that is longer than others puts them.
    text = _BREAKS.sub(" ", " ".join(output))
    return next((advice for said, advice in _ADVICE if said.search(text)), None)
