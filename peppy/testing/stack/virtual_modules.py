"""What a node's own modules get for `time`, `random` and `logging`.

That is the run's clock, its seed, and loggers that are configured for this node alone.
Modules of others, the standard library's among them, keep the real ones.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping
from random import Random
from types import FunctionType, ModuleType
from typing import Any, Final

_SECOND: Final = 10**9

_DRAWING: Final = tuple(
    name for name in random.__all__ if callable(getattr(Random, name, None)) and name[0].islower()
)
"""What `random` can do without an object of its own."""


class _Standing(ModuleType):
    """A module in which some names stand for something else."""

    def __init__(self, real: ModuleType, instead: Mapping[str, Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(instead)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def virtual_time(
    now: Callable[[], float],
    elapsed: Callable[[], float],
    sleep: Callable[[float], None],
) -> ModuleType:
    """Return a `time` on the clock of a run.

    `now` tells seconds since the epoch, `elapsed` seconds of whatever does not go backwards.
    """

    def present(real: Callable[[float], Any]) -> Callable[[float | None], Any]:
        """Return a function of seconds for which None is now."""

        def called(seconds: float | None = None) -> Any:
            return real(now() if seconds is None else seconds)

        return called

    def strftime(form: str, moment: Any = None) -> str:
        return time.strftime(form, time.localtime(now()) if moment is None else moment)

    def asctime(moment: Any = None) -> str:
        return time.asctime(time.localtime(now()) if moment is None else moment)

    ticking = ("monotonic", "perf_counter", "process_time", "thread_time")
    return _Standing(
        time,
        {
            "time": now,
            "time_ns": lambda: round(now() * _SECOND),
            "sleep": sleep,
            "localtime": present(time.localtime),
            "gmtime": present(time.gmtime),
            "ctime": present(time.ctime),
            "asctime": asctime,
            "strftime": strftime,
            **dict.fromkeys(ticking, elapsed),
            **dict.fromkeys((f"{name}_ns" for name in ticking), lambda: round(elapsed() * _SECOND)),
        },
    )


def seeded_random(seed: str) -> ModuleType:
    """Return a `random` that draws the same for the same seed.

    A `Random()` of the node's own is seeded by it as well.
    """
    source = Random(seed)  # noqa: S311  # the same each time is what it is for

    class Seeded(Random):
        def __init__(self, x: Any = None) -> None:
            super().__init__(source.getrandbits(64) if x is None else x)

    return _Standing(
        random, {"Random": Seeded, **{name: getattr(source, name) for name in _DRAWING}}
    )


def own_logging() -> ModuleType:
    """Return a `logging` with a root of its own, so that `basicConfig` is one node's.

    Without a handler, warnings go to standard error, as ever.
    """
    root = logging.RootLogger(logging.WARNING)
    manager = root.manager = logging.Manager(root)
    names = vars(logging) | {"root": root}
    for name, value in vars(logging).items():
        if isinstance(value, FunctionType) and value.__module__ == logging.__name__:
            again = names[name] = FunctionType(value.__code__, names, name, value.__defaults__)
            again.__kwdefaults__ = value.__kwdefaults__

    def get_logger(name: str | None = None) -> logging.Logger:
        return root if not name or name == root.name else manager.getLogger(name)

    names["getLogger"] = get_logger
    return _Standing(logging, names)
