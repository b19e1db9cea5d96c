"""The environment variables of nodes, where many of them share one process.

Each node's context has its own, as a process has: what is in `os.environ` is decided by whose code
looks. Everybody else sees and changes those of this process.
"""

import os
from collections.abc import Generator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

_own: Final[ContextVar[dict[str, str] | None]] = ContextVar("peppy_environment", default=None)


@contextmanager
def living_in(environment: Mapping[str, str]) -> Generator[None]:
    """Inside the block, and in tasks that are started in it, have these variables."""
    before = _own.set(dict(environment))
    try:
        yield
    finally:
        _own.reset(before)


@contextmanager
def routed_environments() -> Generator[None]:
    """Inside the block, let `os.environ` be that of whoever looks."""
    module: Any = os
    before = module.environ
    module.environ = now = _Routed(before)
    try:
        yield
    finally:
        # Whoever has replaced it meanwhile may keep a reference to ours, which stays of use.
        if module.environ is now:
            module.environ = before


class _Routed(MutableMapping[str, str]):
    """Stands for `os.environ`."""

    def __init__(self, of_process: MutableMapping[str, str]) -> None:
        self._of_process = of_process

    def _present(self) -> MutableMapping[str, str]:
        own = _own.get()
        return self._of_process if own is None else own

    def __getitem__(self, name: str) -> str:
        return self._present()[name]

    def __setitem__(self, name: str, value: str) -> None:
        if not isinstance(name, str) or not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError("names and values of environment variables are strings")
        self._present()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._present()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._present())

    def __len__(self) -> int:
        return len(self._present())

    def copy(self) -> dict[str, str]:
        """Return a dict of them, as `os.environ` does."""
        return dict(self._present())

    def __or__(self, other: Mapping[str, str]) -> dict[str, str]:
        return {**self._present(), **other}

    def __ror__(self, other: Mapping[str, str]) -> dict[str, str]:
        return {**other, **self._present()}

    def __ior__(self, other: Mapping[str, str]) -> "_Routed":
        self.update(other)
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of_process, name)

    def __repr__(self) -> str:
        return repr(self._present())
