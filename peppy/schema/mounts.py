"""Host paths that a container sees: what their texts say and which of them are refused.

Source: behaviour.md 2.5, "Mount rule"; seed 003, "Containers".
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Final

import msgspec

_TOP: Final = ("", "bin", "dev", "etc", "home", "opt", "sbin", "tmp", "usr", "var")
BLOCKED: Final = frozenset(
    {f"/{name}" for name in _TOP} | {f"/private/{name}".rstrip("/") for name in _TOP}
)
"""Host directories that no container may be given whole; what is in them is fine."""

_REFERENCE: Final = re.compile(r"\$\{parameters:([A-Za-z0-9_.-]+)\}")


class MountParts(msgspec.Struct, frozen=True):
    """A mount's text, taken apart; references are still in it."""

    host: str
    inside: str
    """The path in the container; the host's where the text names none."""
    options: str | None = None


def references(text: str) -> tuple[str, ...]:
    """Return the dotted parameters that `${parameters:a.b}` names in `text`, in order."""
    return tuple(_REFERENCE.findall(text))


def has_stray_reference(text: str) -> bool:
    """Say whether `text` has a `${` that begins no reference to a parameter."""
    return "${" in _REFERENCE.sub("", text)


def substituted(text: str, values: Mapping[str, str]) -> str:
    """Return `text` with the values of its references, by dotted name."""
    return _REFERENCE.sub(lambda found: values[found[1]], text)


def mount_parts(text: str) -> MountParts | None:
    """Return `host[:container[:options]]` taken apart, or None if `text` is nothing of the kind."""
    if "\0" in text:
        return None
    held = list(_REFERENCE.finditer(text))
    # References hold colons of their own; a character that no path has keeps their places.
    parts = _REFERENCE.sub("\0", text).split(":")
    if len(parts) > 3 or not all(part.strip() for part in parts):
        return None
    found = iter(held)
    whole = [re.sub("\0", lambda _: next(found)[0], part) for part in parts]
    host, inside, *options = whole if len(whole) > 1 else [whole[0], whole[0]]
    return MountParts(host, inside, options[0] if options else None)


def is_blocked(host: str) -> bool:
    """Say whether a host path, without references, is one of those that are refused."""
    path = posixpath.normpath("/" + host.lstrip("/"))
    return host.startswith("/") and path in BLOCKED
