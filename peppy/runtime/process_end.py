"""The end of a node's process after its last line: threads that never return must not keep it.

An interpreter that ends waits for its threads, also for those in which a cancelled
`asyncio.to_thread` still reads from a device. A node whose daemon stops it is killed in the end;
one that stops because its daemon has gone has nobody who would.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from peppy.runtime.output import complain, flush
from peppy.schema.durations import INTERPRETER_END

_at_end: Final[Callable[[Callable[[], None]], None] | None] = getattr(
    threading, "_register_atexit", None
)
"""Has a function called before the interpreter waits for threads; `atexit` comes after that."""


def bound_end(code: int = 0) -> None:
    """Have the interpreter, once it ends, leave after `INTERPRETER_END` seconds, with `code`."""
    if _at_end is not None:
        _at_end(lambda: _begin(code))


def code_of(error: BaseException) -> int:
    """Return the exit code of a program that ends with `error`."""
    if isinstance(error, SystemExit):
        code: Any = error.code
        return code if isinstance(code, int) else int(code is not None)
    return 1


def _begin(code: int) -> None:
    if threading.active_count() > 1:
        threading.Thread(target=_leave, args=(code,), daemon=True).start()


def _leave(code: int) -> None:
    time.sleep(INTERPRETER_END)
    complain(
        f"warning: the process ends although a thread of it did not within {INTERPRETER_END:g} s"
    )
    flush()
    os._exit(code)
