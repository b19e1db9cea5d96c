"""Git over HTTP on loopback: `git http-backend` behind a small server that can be awkward."""

import base64
import os
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class GitServer(ThreadingHTTPServer):
    """Serves the repositories below a directory."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.account: tuple[str, str] | None = None
        """A user and a password that one has to give."""
        self.moved: dict[str, str] = {}
        """Where the server sends those who ask for a path that begins so."""
        self.plain = False
        """Whether it serves files, as a server does that knows nothing of git."""
        self.status = 0
        """What it answers to everything; 0 is what is asked for."""
        self.flows = threading.Event()
        """Nothing is answered before."""
        self.flows.set()
        self.asked: list[str] = []
        self.told: list[str] = []
        """Accounts that somebody gave."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def with_account(self, user: str, password: str) -> str:
        """Return the address with a user and a password in it."""
        return f"http://{user}:{password}@127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: GitServer  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:  # the library's name
        self._answer()

    def do_POST(self) -> None:  # the library's name
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        del format, args

    def _answer(self) -> None:
        server = self.server
        path, _, query = self.path.partition("?")
        server.asked.append(self.path)
        server.flows.wait(60)
        if given := self.headers.get("Authorization"):
            server.told.append(base64.b64decode(given.partition(" ")[2]).decode())
        if server.status:
            self.send_error(server.status)
        elif to := next((to for at, to in server.moved.items() if path.startswith(at)), None):
            begin = next(at for at in server.moved if path.startswith(at))
            self._head(301, {"Location": to + self.path.removeprefix(begin)})
        elif server.account and ":".join(server.account) not in server.told[-1:]:
            self._head(401, {"WWW-Authenticate": 'Basic realm="x"'})
        elif server.plain:
            file = server.root / path.lstrip("/")
            if not file.is_file():
                self.send_error(404)
                return
            self._head(200, {}, file.read_bytes())
        else:
            self._backend(path, query)

    def _backend(self, path: str, query: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
        )
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(fields.pop("Status", "200").split()[0])
        self._head(status, fields, data)

    def _head(self, status: int, fields: dict[str, str], data: bytes = b"") -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        with suppress(ConnectionError):  # whoever asked may have been ended
            self.end_headers()
            self.wfile.write(data)


@contextmanager
def serving(root: Path) -> Generator[GitServer, None, None]:
    """Serve the repositories below `root` while the context lasts."""
    with GitServer(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.flows.set()
            server.shutdown()
            thread.join()
