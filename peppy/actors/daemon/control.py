"""The control socket: one connection carries one request, its notes, and its answer or refusal.

A client that closes its end gives its request up: the asking is cancelled, and whoever works on it
hears of that. Nothing that a client sends can do more than have its own connection refused.
"""

import contextlib
import struct
from typing import Any, Final

import msgspec
import trio

from peppy.actors.kernel import ActorEnded, Ref
from peppy.actors.stack.errors import GoingDown
from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.frames import (
    LONGEST_FRAME,
    PROTOCOL,
    REQUESTS,
    Answer,
    Call,
    Frame,
    Note,
    Refusal,
)
from peppy.schema.requests import Request

_LENGTH: Final = struct.Struct(">I")

FIRST_FRAME: Final = 10.0
"""Seconds that a client has to say what it wants."""

NOTES_WAITING: Final = 4096
"""Notes that may wait for a slow client; what comes beyond that is counted and dropped."""


class BadCall(PeppyError):
    """A frame that is no request of ours."""

    kind = "bad_call"


async def attend(stream: trio.SocketStream, daemon: Ref[Any]) -> None:
    """Serve one connection until it has its answer or its client leaves."""
    try:
        async with stream:
            await _serve(stream, daemon)
    except* (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the client has left, and what it wanted with it


async def _serve(stream: trio.SocketStream, daemon: Ref[Any]) -> None:
    try:
        with trio.fail_after(FIRST_FRAME):
            request = decode_call(await _read_frame(stream))
    except (PeppyError, trio.TooSlowError) as error:
        await _send(stream, refusal(error))
        return
    notes = Notes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_cancel_when_gone, stream, nursery.cancel_scope)
        nursery.start_soon(notes.pass_on, stream)
        try:
            answer = await daemon.ask(request, note=notes.add)
            outcome: Frame = Answer(body=msgspec.Raw(msgspec.msgpack.encode(answer)))
        except Exception as error:  # whatever it is, the client is told
            outcome = refusal(error)
        await notes.drained()
        await _send(stream, outcome)
        nursery.cancel_scope.cancel()


class Notes:
    """The notes of one request on their way to its client."""

    def __init__(self) -> None:
        self._into, self._out = trio.open_memory_channel[Note](NOTES_WAITING)
        self._dropped = 0
        self._drained = trio.Event()

    def add(self, item: object) -> None:
        """Take a note; never blocks, so that a slow client holds nobody up."""
        if not isinstance(item, Note):
            return
        try:
            self._into.send_nowait(item)
        except trio.WouldBlock:
            self._dropped += 1

    async def pass_on(self, stream: trio.SocketStream) -> None:
        """Send what comes until no more comes."""
        async for note in self._out:
            await _send(stream, note)
        if self._dropped:
            text = f"{self._dropped} lines are not shown here; the log has them"
            await _send(stream, Note(stream="warning", text=text))
        self._drained.set()

    async def drained(self) -> None:
        """Take no more, and return when all that was taken is sent."""
        self._into.close()
        await self._drained.wait()


def decode_call(frame: bytes) -> Request[Any]:
    """Return the request in a client's frame; raise `BadCall` with what is wrong with it."""
    try:
        call = msgspec.msgpack.decode(frame, type=Call)
        if call.protocol != PROTOCOL:
            raise BadCall(
                f"the daemon speaks protocol {PROTOCOL}, this command {call.protocol}",
                hint="stop the daemon with 'peppy service stop'; the next command starts anew",
            )
        kind = REQUESTS.get(call.name)
        if kind is None:
            raise BadCall(f"'{call.name}' is not a request")
        return msgspec.msgpack.decode(call.body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadCall(f"this is not a request: {error}") from error


def refusal(error: Exception) -> Refusal:
    """Return what a client is told of `error`."""
    match error:
        case DocumentError():
            return Refusal(
                kind=error.kind,
                sentence=error.sentence,
                hint=error.hint,
                problems=error.problems,
                source=error.source,
            )
        case PeppyError():
            return Refusal(
                kind=error.kind, sentence=error.sentence, hint=error.hint, needs=error.needs
            )
        case ActorEnded():
            return refusal(error.cause or GoingDown())
        case trio.TooSlowError():
            return Refusal(kind="bad_call", sentence="no request came")
        case _:
            return Refusal(
                kind="bug",
                sentence=f"the daemon failed: {type(error).__name__}: {error}",
                hint="this is a defect of peppy; the daemon's log has the details",
            )


async def _cancel_when_gone(stream: trio.SocketStream, scope: trio.CancelScope) -> None:
    """End the asking when the client leaves: having nothing more to say, it can only do that."""
    with contextlib.suppress(trio.BrokenResourceError):
        await stream.receive_some(1)
    scope.cancel()


async def _read_frame(stream: trio.SocketStream) -> bytes:
    (length,) = _LENGTH.unpack(await _read_exactly(stream, _LENGTH.size))
    if length > LONGEST_FRAME:
        raise BadCall(f"a frame of {length} bytes is longer than {LONGEST_FRAME}")
    return await _read_exactly(stream, length)


async def _read_exactly(stream: trio.SocketStream, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = await stream.receive_some(size - len(data))
        if not part:
            raise BadCall("the request ends in the middle")
        data += part
    return bytes(data)


async def _send(stream: trio.SocketStream, frame: Frame) -> None:
    body = msgspec.msgpack.encode(frame)
    await stream.send_all(_LENGTH.pack(len(body)) + body)
