"""Where messengers meet that are no nodes: a router to join, and one to have for a while.

Source: behaviour.md 8.1. A node finds its router by itself, and waits for one that is not there
yet; who names a router means one that is.
"""

from typing import Final, Self

import anyio

from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.ports import free_port
from peppy.runtime.transport.zenoh import PortTaken, ZenohTransport, open_peer, open_router

PATIENCE: Final = 5.0
"""Seconds in which a router that is there takes a connection."""

LOOPBACK: Final = ("127.0.0.1", "localhost")


class RouterError(RuntimeError):
    """There is no router where one should be, or there cannot be one."""


async def join_router(host: str, port: int) -> Transport:
    """Return a connection by way of the router at `host` and `port`.

    It has no part in the shared memory of this process, which may be a node's. Raises `RouterError`
    if nobody listens there, `ValueError` for what is no port, `TransportError`.
    """
    if not 0 < port < 2**16:
        raise ValueError(f"a port is a number from 1 to 65535, not {port}")
    try:
        with anyio.fail_after(PATIENCE):
            await (await anyio.connect_tcp(host, port)).aclose()
    except OSError as error:
        raise RouterError(f"no router can be reached at {host}:{port}: {error}") from error
    return await open_peer(host, port, shares_memory=False)


class ZenohdInstance:
    """A router in this process, on loopback; for programs and tests that have no daemon.

    `async with await ZenohdInstance.start_ephemeral("127.0.0.1") as router:`
    """

    def __init__(self, transport: ZenohTransport, host: str, port: int) -> None:
        """For `start_ephemeral`."""
        self._transport = transport
        self._host = host
        self._port = port

    @staticmethod
    async def start_ephemeral(host: str, port: int | None = None) -> "ZenohdInstance":
        """Return a router that listens on `port`, or on any that is free.

        It listens for this machine alone: raises `ValueError` for another host than 127.0.0.1, and
        `RouterError` (a `RuntimeError`) if the port is taken.
        """
        if host not in LOOPBACK:
            raise ValueError(f"a router in a process listens on 127.0.0.1, not on '{host}'")
        while True:
            tried = free_port() if port is None else port
            try:
                return ZenohdInstance(await open_router(tried), host, tried)
            except PortTaken:
                if port is not None:
                    raise RouterError(f"port {port} is taken: no router can listen on it") from None

    @property
    def host(self) -> str:
        """The host on which it listens."""
        return self._host

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return self._port

    async def stop(self) -> None:
        """Stop listening; twice is fine. Those who have met here stay linked with each other."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        """Return it; the block ends with `stop`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it."""
        await self.stop()

    def __repr__(self) -> str:
        return f"<ZenohdInstance at {self._host}:{self._port}>"
