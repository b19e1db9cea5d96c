"""Downloads over HTTP(S): gone on with where they were broken off, and never longer than allowed.

Source: RFC 9110, sections 13.1.5 (If-Range), 14 (ranges) and 15.4 (redirection).
"""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import unquote

import httpx
import trio

from peppy.actors.host.download_client import Failed, client, failure
from peppy.actors.host.download_limits import (
    LIMITS,
    DigestMismatch,
    DownloadLimits,
    Unreachable,
)
from peppy.actors.host.download_part import Part
from peppy.actors.host.files import in_thread
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.addresses import without_credentials
from peppy.schema.frames import Note
from peppy.schema.wording import quoted

MEGA: Final = 1_000_000
PIECE: Final = 1024 * 1024
"""Bytes that are written at a time: a thread for each packet would cost more than the packet."""

OK: Final = 200
PARTIAL: Final = 206
NOT_SATISFIABLE: Final = 416

LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others in a second."""

REDIRECTIONS: Final = frozenset({301, 302, 303, 307, 308})

_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")

_WHY: Final = {
    401: "it asks who you are",
    403: "you may not read it",
    404: "it is not there",
    407: "the proxy asks who you are",
    410: "it is not there any more",
}


class Download:
    """One download, to the end or to the sentence that says why not."""

    def __init__(
        self, url: str, part: Part, how: Fetching, limits: DownloadLimits = LIMITS
    ) -> None:
        self._url = url
        self._part = part
        self._how = how
        self._limits = limits
        self._total: int | None = None
        self._next_note = 0.0
        name = unquote(url.partition("?")[0].rpartition("/")[2])
        self._doing = f"downloading {quoted(name)}"

    def __repr__(self) -> str:
        return f"Download({without_credentials(self._url)}, {self._part!r})"

    async def run(self, expected: str) -> None:
        """Bring all of it into the part; raises `HostError`, `DigestMismatch` among them.

        A part is left for another attempt, but for one of a file that is not wanted.
        """
        limits, part = self._limits, self._part
        try:
            with trio.fail_after(limits.time):
                await self._threaded(lambda: part.load(trio.from_thread.check_cancelled))
                async with client(self._how.environment, limits.idle) as http:
                    await self._until_whole(http, expected)
        except trio.TooSlowError as error:
            raise Unreachable(self._cannot(f"it takes longer than {limits.time:g} s")) from error
        except Unreachable:
            raise
        except HostError:
            await self._discard()
            raise
        finally:
            if not part.size:
                await self._discard()

    async def _until_whole(self, http: httpx.AsyncClient, expected: str) -> None:
        part = self._part
        # A daemon may have ended between the last byte and what follows it.
        while not (expected and part.sha256 == expected):
            await self._to_the_end(http)
            if not expected or part.sha256 == expected:
                return
            if not part.old:
                raise DigestMismatch(self._url, expected, part.sha256)
            # It may have been put together from two files.
            await self._threaded(lambda: part.restart(""))

    async def _to_the_end(self, http: httpx.AsyncClient) -> None:
        """Try until all has come."""
        limits, part = self._limits, self._part
        failures = furthest = 0
        while True:
            try:
                await self._attempt(http)
                return
            except Failed as failed:
                failures = 1 if part.size > furthest else failures + 1
                furthest = max(part.size, furthest)
                if failures >= limits.attempts:
                    kept = f"{part.size / MEGA:.1f} MB have come, and are kept: try again"
                    hint = kept if part.size else "see whether this machine reaches that address"
                    raise Unreachable(self._cannot(str(failed)), hint=hint) from failed
                pause = limits.pause * 2 ** (failures - 1)
                self._how.note(Note(stream="doing", text=f"{self._doing} again: {failed}"))
            if not part.validator:
                await self._threaded(lambda: part.restart(""))
            part.old = part.size > 0
            await trio.sleep(pause)

    async def _attempt(self, http: httpx.AsyncClient) -> None:
        """Ask once for what is missing. Raises `Failed` if it is worth asking again."""
        part = self._part
        try:
            async with self._answer(http) as response:
                await self._begin(response)
                await self._receive(response)
        except httpx.HTTPError as error:
            raise self._about(failure(error, self._limits.idle)) from error
        except httpx.InvalidURL as error:
            raise self._refused("it is sent on to an address that is none") from error
        if self._total is not None and part.size < self._total:
            raise Failed("the connection ended too early")

    @asynccontextmanager
    async def _answer(self, http: httpx.AsyncClient) -> AsyncGenerator[httpx.Response, None]:
        """Yield the answer that an address comes to, wherever it is sent on to."""
        headers: dict[str, str] = {}
        if self._part.size:
            headers = {"Range": f"bytes={self._part.size}-", "If-Range": self._part.validator}
        asked = httpx.URL(self._url)
        # Who somebody is, is told to the place that the address names, and to no other.
        place, auth = _place(asked), _auth(asked)
        for _ in range(self._limits.redirects + 1):
            clean = asked.copy_with(username=None, password=None, fragment=None)
            request = http.build_request("GET", clean, headers=headers)
            response = await http.send(
                request, stream=True, auth=auth if _place(asked) == place else None
            )
            try:
                if response.status_code not in REDIRECTIONS:
                    yield response
                    return
                asked = self._sent_on(asked, response)
            finally:
                await response.aclose()
        raise self._refused(f"it is sent on more than {self._limits.redirects} times")

    def _sent_on(self, asked: httpx.URL, response: httpx.Response) -> httpx.URL:
        location = response.headers.get("Location", "")
        to = asked.join(location) if location else None
        if to is None or to.scheme not in ("http", "https") or not to.host:
            where = quoted(without_credentials(location))
            raise self._refused(f"it is sent on to {where}, which is not an http or https address")
        if asked.scheme == "https" and to.scheme == "http":
            raise self._refused("it is sent on from https to http, where anybody may change it")
        return to

    async def _begin(self, response: httpx.Response) -> None:
        """Look at what an answer says before its data: what it is of, and how much will come."""
        part, status = self._part, response.status_code
        if status == NOT_SATISFIABLE and part.size:
            await self._threaded(lambda: part.restart(""))
            raise Failed("the file has become another one")
        if status in LATER:
            raise Failed(_status(response))
        length = response.headers.get("Content-Length", "")
        if status == PARTIAL and part.size:
            found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != part.size:
                await self._threaded(lambda: part.restart(""))
                raise Failed("what came is not what was asked for")
            self._total = None if found[3] == "*" else int(found[3])
        elif status == OK:
            validator = _validator(response)
            await self._threaded(lambda: part.restart(validator))
            self._total = int(length) if length.isdigit() and len(length) < 19 else None
        else:
            raise self._refused(_status(response))
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding not in ("identity", "zstd", ""):
            # Its digest and its parts would be those of something else.
            raise self._refused(f"the server packs it once more, with {quoted(encoding)}")
        self._may_be(self._total or 0)

    def _may_be(self, count: int) -> None:
        if count > self._limits.most:
            raise self._refused(f"it is larger than {self._limits.most // MEGA} MB")

    async def _receive(self, response: httpx.Response) -> None:
        """Write what comes, and at the latest what has come when nothing more does."""
        data = bytearray()
        wrong: HostError | None = None
        with trio.CancelScope() as rest:
            try:
                async for piece in response.aiter_raw():
                    wrong = wrong or await self._take(data, piece)
                    if wrong is not None:
                        # Only where reading itself ends, all that reads for us is closed.
                        rest.cancel()
            finally:
                if data and wrong is None:
                    await self._append(data)
        if wrong is not None:
            raise wrong

    async def _take(self, data: bytearray, piece: bytes) -> HostError | None:
        """Keep a piece until there are enough to be written; return why there is no use in more."""
        try:
            self._may_be(self._part.size + len(data) + len(piece))
            data += piece
            if len(data) >= PIECE:
                await self._append(data)
            self._progress(len(data))
        except HostError as error:
            return error
        return None

    async def _append(self, data: bytearray) -> None:
        whole = bytes(data)
        data.clear()
        with trio.CancelScope(shield=True):
            await self._threaded(lambda: self._part.append(whole))

    def _progress(self, waiting: int) -> None:
        if trio.current_time() >= self._next_note:
            self._next_note = trio.current_time() + self._limits.note_every
            done = f"{(self._part.size + waiting) / MEGA:.1f} MB"
            of = "" if self._total is None else f" of {self._total / MEGA:.1f} MB"
            self._how.note(Note(stream="doing", text=f"{self._doing}, {done}{of}"))

    def _refused(self, why: str) -> HostError:
        return HostError(self._cannot(why))

    def _cannot(self, why: str) -> str:
        return f"cannot fetch '{without_credentials(self._url)}': {why}"

    def _about(self, error: Exception) -> Exception:
        return self._refused(str(error)) if isinstance(error, HostError) else error

    async def _discard(self) -> None:
        with trio.CancelScope(shield=True), suppress(HostError):
            await self._threaded(self._part.discard)

    async def _threaded(self, work: Callable[[], None]) -> None:
        await in_thread("write", self._part.path, work)


def _status(response: httpx.Response) -> str:
    status = response.status_code
    why = _WHY.get(status, "the server cannot give it")
    return f"{why} (HTTP status {status})"


def _validator(response: httpx.Response) -> str:
    """Return by what a server knows this very file; a weak mark means one that is much like it."""
    mark = str(response.headers.get("ETag", ""))
    return mark if mark.startswith('"') else str(response.headers.get("Last-Modified", ""))


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _auth(url: httpx.URL) -> tuple[str, str] | None:
    return (url.username, url.password) if url.userinfo else None
