"""What a snapshot of a node's source leaves out (behaviour.md 11.1)."""

from collections.abc import Collection
from typing import Final

from peppy.actors.host.relocation import MARK

DIRECTORIES: Final = frozenset(
    {
        *(".peppy", ".git", "target", "node_modules", "build"),
        *(".venv", "venv"),
        *("__pycache__", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"),
        *(".tox", ".nox"),
    }
)

MARKS: Final = frozenset({MARK, "CACHEDIR.TAG"})
"""A directory that holds one of these is an environment or a cache, whatever its name."""


def is_left_out(name: str, contents: Collection[str]) -> bool:
    """Say whether a directory of this name, with these names in it, stays behind."""
    return name in DIRECTORIES or not MARKS.isdisjoint(contents)


def stays_behind(name: str, contents: Collection[str] | None) -> bool:
    """Say whether a file (no `contents`) or a directory is left out of snapshots."""
    # In a linked work tree `.git` is a file.
    return name == ".git" if contents is None else is_left_out(name, contents)
