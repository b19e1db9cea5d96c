"""One message format, compiled: from a dataclass to the bytes that travel and back.

A payload is a MessagePack map keyed by the *document's* field names, so any tool can show any
message; absent optional fields are left out. Which bytes each type becomes: `primitives`.
"""

from typing import Generic, TypeVar

import msgspec

from peppy.runtime.decoding import compile_from_wire
from peppy.runtime.encoding import compile_to_wire
from peppy.runtime.shape import shape_of
from peppy.runtime.unfit import UnfitValue, UnreadablePayload
from peppy.schema.formats import MessageFormat

M = TypeVar("M")


class Codec(Generic[M]):
    """Messages of the dataclass `M` in one format; stateless, made once and kept."""

    def __init__(self, subject: str, message_format: MessageFormat, message: type[M]) -> None:
        """Compile; `subject` stands in front of every error, as in `topic 'video_stream'`."""
        shape = shape_of(message_format.fields, message)
        wire, self._build = compile_from_wire(shape)
        self._subject = subject
        self._change = compile_to_wire(shape)
        self._pack = msgspec.msgpack.Encoder().encode
        self._read = msgspec.msgpack.Decoder(wire).decode
        self.fingerprint = message_format.fingerprint()

    def encode(self, message: M) -> bytes:
        """Return the payload; raise `UnfitValue` (a `ValueError`) that names the wrong field."""
        try:
            return self._pack(self._change(message))
        except UnfitValue as unfit:
            raise unfit.of(self._subject) from None

    def decode(self, payload: bytes) -> M:
        """Return the message; raise `UnreadablePayload` for anything that is not one."""
        try:
            message: M = self._build(self._read(payload))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise UnreadablePayload(self._subject, str(error)) from None
        return message

    def __repr__(self) -> str:
        return f"<Codec of {self._subject}>"
