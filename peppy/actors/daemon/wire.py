"""The daemon's end of the wire: a router on loopback, on the usual port or on a free one."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from peppy.runtime.transport import zenoh
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.ports import free_port
from peppy.schema.errors import PeppyError
from peppy.schema.runtime_config import DEFAULT_MESSAGING_PORT, PORT_VARIABLE


class BadPort(PeppyError):
    """`PEPPY_MESSAGING_PORT` that is no port."""

    kind = "bad_port"

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{PORT_VARIABLE} is '{text}', which is not a port",
            hint="give a number from 1 to 65535, or unset it",
        )


class Router(msgspec.Struct, frozen=True):
    """An open router and where it listens."""

    transport: Transport
    port: int


async def open_router(environment: Mapping[str, str], before: int | None = None) -> Router:
    """Return a router on the port that was asked for, else on the usual one, else on any.

    Where the daemon before had its own, at `before`, that one is tried first: its nodes look there.
    Raises `PortTaken` if the port that was asked for is taken.
    """
    asked = environment.get(PORT_VARIABLE)
    if asked is not None:
        if not asked.isascii() or not asked.isdigit() or not 0 < int(asked) < 65536:
            raise BadPort(asked)
        return await _open(int(asked))
    for port in dict.fromkeys((before or DEFAULT_MESSAGING_PORT, DEFAULT_MESSAGING_PORT)):
        with suppress(zenoh.PortTaken):
            return await _open(port)
    return await _open(free_port())


async def _open(port: int) -> Router:
    return Router(await zenoh.open_router(port), port)
