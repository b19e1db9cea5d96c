"""Where a node's lines go, where many nodes share one process.

Each node's context has a `Voice`; whatever is written to `sys.stdout` or `sys.stderr` in it, by
`print`, by `logging` or by the runtime, is the voice's. Elsewhere output is as it was before.
What libraries have to warn of, asyncio among them, reaches the voice as well.
"""

import contextlib
import io
import logging
import sys
from collections.abc import Callable, Generator, Iterable
from contextvars import ContextVar
from typing import Any, Final, TextIO

Say = Callable[[str, str], object]
"""Takes a line, without its end, and the stream that it was written to."""


class Voice:
    """One node's output: what is written becomes lines."""

    def __init__(self, say: Say) -> None:
        self._say: Say | None = say
        self._begun = {"stdout": "", "stderr": ""}

    def write(self, stream: str, text: str) -> None:
        """Take a piece of a line, or several lines."""
        if self._say is None:
            return
        *whole, self._begun[stream] = (self._begun[stream] + text).split("\n")
        for line in whole:
            self._say(line, stream)

    def end(self) -> None:
        """Say what has been begun, and nothing more after it."""
        for stream, text in self._begun.items():
            if text and self._say is not None:
                self._say(text, stream)
        self.mute()

    def mute(self) -> None:
        """Say nothing any more."""
        self._say = None


NOBODY: Final = Voice(lambda line, stream: None)
"""Says nothing."""
NOBODY.mute()

_voice: ContextVar[Voice | None] = ContextVar("peppy_voice", default=None)


@contextlib.contextmanager
def speaking_to(voice: Voice) -> Generator[None]:
    """Inside the block, and in tasks that are started in it, write to `voice`."""
    before = _voice.set(voice)
    try:
        yield
    finally:
        _voice.reset(before)


class _Routed(io.TextIOBase):
    """Standard output or error, whose writer decides where it goes."""

    def __init__(self, stream: str, elsewhere: TextIO) -> None:
        self._stream = stream
        self.elsewhere = elsewhere
        """Where writes without a voice go."""

    def write(self, text: str, /) -> int:
        voice = _voice.get()
        if voice is None:
            return self.elsewhere.write(text)
        voice.write(self._stream, text)
        return len(text)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _voice.get() is None:
            self.elsewhere.flush()

    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.elsewhere, name)


class _Warnings(logging.Handler):
    """Says what a library logs in a node's context, as a process without handlers does."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        voice = _voice.get()
        if voice is not None:
            voice.write("stderr", self.format(record) + "\n")
        elif logging.root.handlers == [self] and logging.lastResort is not None:
            logging.lastResort.handle(record)


@contextlib.contextmanager
def routed() -> Generator[None]:
    """Inside the block, let the output of nodes go to their voices."""
    before = sys.stdout, sys.stderr
    sys.stdout = now_out = _Routed("stdout", before[0])
    sys.stderr = now_err = _Routed("stderr", before[1])
    logging.root.addHandler(warnings := _Warnings())
    try:
        yield
    finally:
        logging.root.removeHandler(warnings)
        # Whoever has replaced them meanwhile may keep a reference to ours, which stays of use.
        if sys.stdout is now_out:
            sys.stdout = before[0]
        if sys.stderr is now_err:
            sys.stderr = before[1]
