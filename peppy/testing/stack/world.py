"""What differs between a stack in this process and one with processes of its own."""

from typing import Protocol, TypeVar

from peppy.runtime.transport.port import Transport
from peppy.schema.requests import Request
from peppy.testing.trace import Trace

A = TypeVar("A")


class Faults(Protocol):
    """What can be done to a running stack; each leaves an entry in the trace."""

    async def crash(self, instance_id: str) -> None:
        """End an instance at once, without a chance to clean up."""
        ...

    async def hang(self, instance_id: str, seconds: float | None = None) -> None:
        """Let an instance stand still, for a while or until `resume`."""
        ...

    async def resume(self, instance_id: str) -> None:
        """Let an instance that hangs go on."""
        ...

    async def kill_daemon(self) -> None:
        """Kill the daemon now, and start the next one on what it has left."""
        ...


class World(Protocol):
    """Where a stack runs."""

    core_node: str
    trace: Trace
    faults: Faults

    async def ask(self, request: Request[A]) -> A:
        """Return the daemon's answer; raises the `PeppyError` that it refuses with."""
        ...

    def transport(self) -> Transport:
        """Return the test's own way into the stack's messages; the world closes it."""
        ...
