"""Branches, tags and commits of a repository, and which of them a person means."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from peppy.actors.host.ports import HostError
from peppy.schema.wording import did_you_mean, quoted

HASH: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
ABBREVIATED: Final = re.compile(r"[0-9a-f]{4,63}", re.IGNORECASE)

MOST_NAMED: Final = 8
"""Names in a sentence; more are a list, which git shows better."""

_LINE: Final = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(\S+)")

_KINDS: Final = ("refs/tags/", "refs/heads/")
"""Where a name is looked for, in git's own order."""


class Found(msgspec.Struct, frozen=True):
    """What a name stands for at a server."""

    name: str
    """In full, as in `refs/heads/main`."""
    commit: str


def is_hash(ref: str) -> bool:
    """Say whether `ref` is the whole hash of a commit."""
    return HASH.fullmatch(ref.lower()) is not None


def is_abbreviated(ref: str) -> bool:
    """Say whether `ref` could be the beginning of a commit's hash."""
    return ABBREVIATED.fullmatch(ref) is not None


def candidates(ref: str) -> list[str]:
    """Return the full names that `ref` may stand for, the likeliest first; none is `HEAD`."""
    if not ref:
        return ["HEAD"]
    if ref.startswith("refs/"):
        return [ref]
    return [*(f"{kind}{ref}" for kind in _KINDS), f"refs/{ref}"]


def parse(listing: bytes) -> dict[str, str]:
    """Return what `git ls-remote` lists: hashes by full names, of commits where it tells them."""
    found: dict[str, str] = {}
    for line in listing.decode("utf-8", "surrogateescape").splitlines():
        if match := _LINE.fullmatch(line):
            found[match[2]] = match[1]
    for name in [name for name in found if name.endswith("^{}")]:
        found[name.removesuffix("^{}")] = found.pop(name)
    return found


def choose(ref: str, listed: Mapping[str, str]) -> Found | None:
    """Return what `ref` stands for among what was listed, or None."""
    for name in candidates(ref):
        if name in listed:
            return Found(name, listed[name])
    return None


def by_beginning(ref: str, listed: Mapping[str, str]) -> Found | None:
    """Return the branch or tag whose commit begins with `ref`, if it is one commit."""
    found = {commit: name for name, commit in listed.items() if commit.startswith(ref.lower())}
    if len(found) != 1:
        return None
    ((commit, name),) = found.items()
    return Found(name, commit)


class NoSuchRef(HostError):
    """A repository that has no such branch, tag or commit."""

    kind = "no_such_ref"

    def __init__(self, place: str, ref: str, listed: Iterable[str]) -> None:
        names = sorted(
            {short(name) for name in listed if name.startswith(_KINDS)}, key=lambda name: name
        )
        guess = did_you_mean(ref, names)
        super().__init__(
            f"'{place}' has no branch, tag or commit {quoted(ref)}{guess}",
            hint=_named(names) or "the repository is empty",
        )


def short(name: str) -> str:
    """Return a branch's or tag's name as people write it."""
    for kind in _KINDS:
        name = name.removeprefix(kind)
    return name


def _named(names: list[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"it has {', '.join(quoted(name) for name in names[:MOST_NAMED])}{more}"
