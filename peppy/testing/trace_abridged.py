"""What a trace keeps of large messages once there are too many: how long they were, a digest."""

import dataclasses
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

LARGE: Final = 1024
"""Bytes from which on a value is worth it."""


@dataclasses.dataclass(frozen=True)
class Abridged:
    """Bytes that are no longer kept."""

    length: int
    digest: str
    """The first hexadecimal digits of their SHA-256."""

    def __len__(self) -> int:
        """Return how many they were."""
        return self.length


def digest(value: Any) -> str:
    """Return the first hexadecimal digits of the SHA-256 of bytes."""
    return sha256(value).hexdigest()[:8]


def abridged(value: Any) -> Any:
    """Return a message of which all is kept but large bytes; it stays as it is if it has none."""
    changed = {
        name: Abridged(len(part), digest(part))
        for name, part in _fields(value)
        if _is_binary(part) and len(part) >= LARGE
    }
    if not changed:
        return value
    return {**value, **changed} if _is_mapping(value) else dataclasses.replace(value, **changed)


def _fields(value: Any) -> list[tuple[str, Any]]:
    if _is_mapping(value):
        return list(value.items())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return []


def _is_binary(value: object) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)


def _is_mapping(value: object) -> bool:
    return isinstance(value, Mapping)
