"""Callbacks from foreign threads that keep their Python thread state.

CPython builds a thread state when a foreign thread calls into it, and frees it when the call
returns: at each message. A thread that takes one reference to its state and never gives it back
keeps it, which in a flood makes the calls several times faster. The price is one small state for
each of zenoh's few threads; they live as long as the process.
"""

import ctypes
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_local = threading.local()
"""Lives exactly as long as the state it stands for: a thread without mark has not kept its own."""


def keeping(function: Callable[[T], None]) -> Callable[[T], None]:
    """Return `function` so that each foreign thread that calls it keeps its thread state."""
    ensure: Any = getattr(getattr(ctypes, "pythonapi", None), "PyGILState_Ensure", None)
    if ensure is None:  # not CPython: nothing to keep
        return function

    def call(argument: T) -> None:
        if not hasattr(_local, "kept"):
            _local.kept = True
            ensure()
        function(argument)

    return call
