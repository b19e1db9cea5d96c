"""One number behind whatever is left to chance in a run."""

import gc
import random
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def seed_scheduler(seed: int) -> None:
    """Have Trio draw the order of what could run from this seed."""
    # Trio has no other way than the one that its own plugin for pytest takes.
    run: Any = import_module("trio._core._run")
    run._ALLOW_DETERMINISTIC_SCHEDULING = True
    run._r.seed(seed)


@contextmanager
def seeded(seed: int) -> Generator[None, None, None]:
    """Have `random` and, where it is in use, Trio's scheduler start from this seed meanwhile.

    The garbage collector waits until it is over: when it comes round depends on all that was before
    in this process, and what it finds may go on in tasks of its own.
    """
    state = random.getstate()
    collects = gc.isenabled()
    gc.disable()
    random.seed(seed)
    try:
        with _seeded_scheduler(seed):
            yield
    finally:
        random.setstate(state)
        if collects:
            gc.enable()


@contextmanager
def _seeded_scheduler(seed: int) -> Generator[None, None, None]:
    run: Any = sys.modules.get("trio._core._run")
    if run is None:
        yield
        return
    deterministic, state = run._ALLOW_DETERMINISTIC_SCHEDULING, run._r.getstate()
    seed_scheduler(seed)
    try:
        yield
    finally:
        run._ALLOW_DETERMINISTIC_SCHEDULING = deterministic
        run._r.setstate(state)
