"""The client half of the control plane: one request over the daemon's socket, one answer.

Plain sockets and msgspec only: the command line imports this before it knows what it is asked,
and a program that is not written in Trio can use it as well. Each call has a connection of its
own; closing it is how a client says that it has lost interest, and the daemon then cancels what
was asked.
"""

import contextlib
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from peppy import VERSION
from peppy.schema.errors import DocumentError, PeppyError, Problem
from peppy.schema.frames import LONGEST_FRAME, Answer, Call, Frame, Note, Refusal
from peppy.schema.requests import Request
from peppy.schema.runtime_config import HOME_VARIABLE

A = TypeVar("A")

SOCKET_NAME: Final = "daemon.sock"

DAEMON_LOG: Final = "logs/daemon.log"
"""Below the home; where a daemon that the command line has started prints."""

LONGEST_ADDRESS: Final = 100
"""Bytes; systems take 104 to 108 with the zero at the end, and cut or refuse what is longer."""

_LENGTH: Final = struct.Struct(">I")
_FRAMES: Final[msgspec.msgpack.Decoder[Frame]] = msgspec.msgpack.Decoder(Frame)


class NoDaemon(PeppyError):
    """Nobody answers on the socket."""

    kind = "no_daemon"

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"no peppy daemon answers at '{path}'",
            hint="start one with 'peppy service serve'",
        )


class SocketNotUsable(PeppyError):
    """The socket is there, or should be, and the system does not let us use it."""

    kind = "socket_not_usable"

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"the daemon's socket '{path}' cannot be used: {reason}")


class DaemonVanished(PeppyError):
    """The connection ended before the answer came."""

    kind = "daemon_vanished"

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            "the peppy daemon went away before it answered",
            hint=f"its log may say why: {path.parent / DAEMON_LOG}",
        )


class DaemonSilent(PeppyError):
    """The answer did not come in time."""

    kind = "daemon_silent"

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        super().__init__(
            f"the peppy daemon has not answered within {timeout:g} s",
            hint=f"its log may say why: {path.parent / DAEMON_LOG}",
        )


class NotUnderstood(PeppyError):
    """What came over the socket, or should go over it, is not the control plane's language."""

    kind = "not_understood"

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(
            f"what came from '{path}' is not a daemon's answer: {reason}",
            hint="an older daemon may still run: 'peppy service stop' ends it",
        )


class NotText(PeppyError):
    """A request holds a path or an argument whose bytes are not UTF-8."""

    kind = "not_text"

    def __init__(self) -> None:
        super().__init__("a path or an argument is not UTF-8 text and cannot be sent to the daemon")


class ControlRefused(PeppyError):
    """The daemon says why there is no answer. `kind` is a stable word; see `Refusal`."""

    def __init__(self, refusal: Refusal) -> None:
        self.kind = refusal.kind
        self.problems: tuple[Problem, ...] = refusal.problems
        self.source = refusal.source
        self.needs = refusal.needs
        super().__init__(_whole_sentence(refusal), hint=refusal.hint)


def _whole_sentence(refusal: Refusal) -> str:
    """Return the refusal's sentence, with the table of its problems if it has any."""
    if not refusal.problems or refusal.source is None:
        return refusal.sentence
    return DocumentError(refusal.source, refusal.problems).sentence


def home_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Return where peppy keeps its things: `$PEPPY_HOME` as it is, else `~/.peppy` (10.3)."""
    variables = os.environ if environment is None else environment
    if given := variables.get(HOME_VARIABLE):
        return Path(given).absolute()
    try:
        return Path.home() / ".peppy"
    except RuntimeError as error:
        raise PeppyError(
            "there is no home directory to keep peppy's files in",
            hint=f"set {HOME_VARIABLE} to a directory",
        ) from error


def socket_path(home: Path) -> Path:
    """Return where the daemon of `home` listens."""
    return home / SOCKET_NAME


class ControlClient:
    """Asks the daemon that listens on one socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"ControlClient({str(self.path)!r})"

    def call(
        self,
        request: Request[A],
        on_note: Callable[[Note], None] | None = None,
        timeout: float | None = None,
    ) -> A:
        """Return the daemon's answer to `request`; give every note before it to `on_note`.

        `timeout` is the time in seconds for the whole call, None for as long as it takes. Raises
        `ControlRefused` for a refusal; `NoDaemon`, `SocketNotUsable`, `DaemonVanished`,
        `DaemonSilent` or `NotUnderstood` where there is no conversation.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        call = _encode(request)
        with contextlib.closing(self._connect()) as connection:
            wire = _Wire(connection, self.path, deadline)
            try:
                wire.send(call)
                return self._answer(wire, request, on_note)
            except TimeoutError:
                raise DaemonSilent(self.path, timeout or 0.0) from None
            except OSError:
                raise DaemonVanished(self.path) from None

    def _answer(
        self, wire: "_Wire", request: Request[A], on_note: Callable[[Note], None] | None
    ) -> A:
        while True:
            frame = wire.receive()
            match frame:
                case Note():
                    if on_note is not None:
                        on_note(frame)
                case Answer():
                    return self._decode(frame, request.answer_type())
                case Refusal():
                    raise ControlRefused(frame)

    def _decode(self, answer: Answer, kind: type[A]) -> A:
        try:
            return msgspec.msgpack.decode(answer.body, type=kind)
        except msgspec.DecodeError as error:
            raise NotUnderstood(self.path, str(error)) from error

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _short_address(self.path) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            connection.close()
            raise NoDaemon(self.path) from None
        except OSError as error:
            connection.close()
            raise SocketNotUsable(self.path, error.strerror or str(error)) from error
        return connection


def _encode(request: Request[A]) -> bytes:
    try:
        body = msgspec.msgpack.encode(request)
    except UnicodeEncodeError:
        raise NotText from None
    call = Call(name=type(request).__name__, body=msgspec.Raw(body), version=VERSION)
    return msgspec.msgpack.encode(call)


@contextlib.contextmanager
def _short_address(path: Path) -> Generator[str]:
    """Give an address for `path` that fits into a socket's address, however long the path is."""
    if len(os.fsencode(path)) <= LONGEST_ADDRESS:
        yield str(path)
        return
    if not sys.platform.startswith("linux"):
        raise SocketNotUsable(path, f"its path has more than {LONGEST_ADDRESS} bytes")
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


class _Wire:
    """Frames on one connection, until a deadline."""

    def __init__(self, connection: socket.socket, path: Path, deadline: float | None) -> None:
        self._connection = connection
        self._path = path
        self._deadline = deadline

    def send(self, payload: bytes) -> None:
        self._connection.settimeout(self._remaining())
        self._connection.sendall(_LENGTH.pack(len(payload)) + payload)

    def receive(self) -> Frame:
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if length > LONGEST_FRAME:
            raise NotUnderstood(self._path, f"a frame of {length} bytes is announced")
        try:
            return _FRAMES.decode(self._read(length))
        except msgspec.DecodeError as error:
            raise NotUnderstood(self._path, str(error)) from error

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._connection.settimeout(self._remaining())
            part = self._connection.recv(min(count - len(data), 65536))
            if not part:
                raise DaemonVanished(self._path)
            data += part
        return bytes(data)

    def _remaining(self) -> float | None:
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
