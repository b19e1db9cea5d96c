"""HTTP servers on loopback that do what they are told to, right or wrong."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate

import trio


class Asked:
    """One request."""

    def __init__(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        self.method, self.target, _ = first.split(" ")
        self.headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines)
        }

    def __repr__(self) -> str:
        return f"{self.method} {self.target} {self.headers}"


Say = Callable[[trio.SocketStream, Asked], Awaitable[None]]


class Server:
    """Gives one answer after the other, the last one again and again; then closes."""

    def __init__(self, *answers: bytes | Say) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/arm.tar.zst"

    async def serve(self, stream: trio.SocketStream) -> None:
        head = b""
        async with stream:
            try:
                while b"\r\n\r\n" not in head:
                    data = await stream.receive_some()
                    if not data:
                        return
                    head += data
                self.asked.append(asked := Asked(head.decode("latin-1").partition("\r\n\r\n")[0]))
                say = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(say, bytes):
                    await stream.send_all(say)
                else:
                    await say(stream, asked)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # whoever asked has gone


@asynccontextmanager
async def serving(*answers: bytes | Say) -> AsyncGenerator[Server, None]:
    """Yield a server that listens until the block ends."""
    server = Server(*answers)
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, server.serve, [listener])
        yield server
        nursery.cancel_scope.cancel()


def answer(body: bytes = b"", status: str = "200 OK", **headers: str | None) -> bytes:
    """Return an answer; a header that is None is left out."""
    said: dict[str, str | None] = {
        "Content-Length": str(len(body)),
        "Connection": "close",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def sent_on(to: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, Location=to)


def file_server(body: bytes, *breaks: int, etag: str | None = '"one"') -> Say:
    """Return what serves a file with ranges; it breaks off after so many bytes of each answer."""
    left = list(breaks)
    modified = formatdate(1_700_000_000, usegmt=True)

    async def say(stream: trio.SocketStream, asked: Asked) -> None:
        start, status, extra = 0, "200 OK", dict[str, str | None]()
        known = asked.headers.get("if-range") in (None, etag, modified)
        if (wanted := asked.headers.get("range")) and known:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            status = "206 Partial Content"
            extra["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        whole = answer(body[start:], status, ETag=etag, Last_Modified=modified, **extra)
        if left:
            whole = whole[: whole.index(b"\r\n\r\n") + 4 + left.pop(0)]
        await stream.send_all(whole)

    return say
