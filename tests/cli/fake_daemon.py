"""A small honest daemon: it speaks the frames, keeps what it was asked, and says what a test says.

Each connection is served at once, beside the others. A script is a function from a request to what
is sent: notes, and at last a view or a refusal. Bytes are sent as they are, without a frame; a
script that ends early closes the connection.
"""

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from peppy.schema.frames import REQUESTS, Answer, Call, Note, Refusal
from peppy.schema.requests import Request

Script = Callable[[Request[Any]], Iterable[object]]

HEADER = struct.Struct(">I")


class FakeDaemon:
    """Listens in `home` while its block lasts."""

    def __init__(self, home: Path, script: Script) -> None:
        self.home = home
        self.requests: list[Request[Any]] = []
        self.calls: list[Call] = []
        self._script = script
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._thread = threading.Thread(target=self._serve)
        self._connections: list[threading.Thread] = []

    def __enter__(self) -> "FakeDaemon":
        self.home.mkdir(parents=True, exist_ok=True)
        directory = os.open(self.home, os.O_RDONLY)
        self._listener.bind(f"/proc/self/fd/{directory}/daemon.sock")
        os.close(directory)
        self._listener.listen()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in self._connections:
            each.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._attend, args=(connection,))
            self._connections.append(thread)
            thread.start()

    def _attend(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        (length,) = HEADER.unpack(read_exactly(connection, HEADER.size))
        call = msgspec.msgpack.decode(read_exactly(connection, length), type=Call)
        request = msgspec.msgpack.decode(call.body, type=REQUESTS[call.name])
        self.calls.append(call)
        self.requests.append(request)
        for item in self._script(request):
            connection.sendall(item if isinstance(item, bytes) else frame(item))


def frame(item: object) -> bytes:
    """Return a note, a refusal or a view (which becomes an answer) as one frame."""
    if not isinstance(item, Note | Refusal):
        item = Answer(body=msgspec.Raw(msgspec.msgpack.encode(item)))
    body = msgspec.msgpack.encode(item)
    return HEADER.pack(len(body)) + body


def read_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data
