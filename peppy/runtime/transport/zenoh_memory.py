"""Large payloads in memory that partners on the same machine can read: zenoh's shared memory."""

import contextlib
import ctypes
from typing import Any, Final

import zenoh
import zenoh.shm

from peppy.runtime.transport.shared_memory import listing

_MMAP_THRESHOLD: Final = -3
_TRIM_THRESHOLD: Final = -1
"""What glibc's `mallopt` calls them."""

_LARGEST_ON_HEAP: Final = 32 * 1024 * 1024
_LARGEST_IDLE: Final = 128 * 1024 * 1024


class SharedPool:
    """The memory from which this process takes what it sends; made at the first large payload."""

    def __init__(self, size: int) -> None:
        """`size` in bytes; 0 for none."""
        self._size = size
        self._provider: Any = None
        self._policy: Any = zenoh.shm.GarbageCollect()

    def placed(self, payload: bytes | bytearray) -> Any:
        """Return what to put: the payload, or a copy of it that local partners read in place.

        zenoh sends remote partners the bytes, and takes the memory back when nobody reads it. If
        there is none left, the payload goes over the link.
        """
        if not self._size:
            return payload
        try:
            if self._provider is None:
                with listing():
                    self._provider = zenoh.shm.ShmProvider.default_backend(self._size)
            buffer: Any = self._provider.alloc(len(payload), policy=self._policy)
        except zenoh.ZError:
            return payload
        buffer[:] = payload
        return buffer


def keep_large_blocks() -> None:
    """Have glibc keep freed blocks of some size, where it would give them back to the system.

    Each frame that arrives is a new block; fresh pages cost several times what copying costs.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGEST_ON_HEAP)
        mallopt(_TRIM_THRESHOLD, _LARGEST_IDLE)
