"""What differs between a stack in this process and one with processes of its own."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from peppy.runtime.outstaying import complaint_in
from peppy.runtime.transport.port import Transport
from peppy.runtime.transport.waiting import on_trio
from peppy.schema.errors import PeppyError
from peppy.schema.requests import Request
from peppy.schema.wording import did_you_mean, quoted
from peppy.testing.failures import LET_IT_THROUGH
from peppy.testing.stack.names import Names
from peppy.testing.stack.network import EmbeddedNetwork
from peppy.testing.trace import Kind, Trace

A = TypeVar("A")


class NotOnTrio(PeppyError):
    """A test of a stack whose loop is not Trio's."""

    kind = "not_on_trio"

    def __init__(self) -> None:
        super().__init__(
            "a stack runs on Trio, and this test does not",
            hint='mark it with @pytest.mark.peppy(loop="trio")',
        )


class NotLiving(PeppyError):
    """An instance that does not run now."""

    kind = "not_living"

    def __init__(self, instance_id: str, living: Sequence[str]) -> None:
        self.instance_id = instance_id
        there = ", ".join(map(quoted, living)) or "none"
        super().__init__(
            f"no instance {quoted(instance_id)} runs now{did_you_mean(instance_id, living)}",
            hint=f"those that run: {there}",
        )


class StackEnded(PeppyError):
    """Something was asked of a stack after its end."""

    kind = "stack_ended"

    def __init__(self) -> None:
        super().__init__(
            "the stack has ended, and nobody answers any more",
            hint="ask inside 'async with embedded_stack(...) as stack:'",
        )


class LeftBehind(AssertionError):
    """A stack that has ended, and has not."""

    def __init__(self, remains: Collection[str]) -> None:
        self.remains = tuple(remains)
        super().__init__("the stack was taken down, and yet: " + "; ".join(self.remains))


class NeverEnded(AssertionError):
    """Tasks of instances that went on when they were cancelled."""

    def __init__(self, complaints: Collection[str]) -> None:
        super().__init__(f"{'; '.join(complaints)}: {LET_IT_THROUGH}")


def must_have_ended(trace: Trace) -> None:
    """Raise `NeverEnded` if an instance has complained of tasks that do not end."""
    found = [
        f"{complaint} in {quoted(entry.who)}"
        for entry in trace.entries
        if entry.kind is Kind.LINE
        and entry.name == "stderr"
        and (complaint := complaint_in(str(entry.what))) is not None
    ]
    if found:
        raise NeverEnded(found)


def must_be_on_trio() -> None:
    """Raise `NotOnTrio` on another loop."""
    if not on_trio():
        raise NotOnTrio


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

    async def kill_daemon(self, *, away: float = 0.0) -> None:
        """Kill the daemon now; return when the next one, `away` seconds later, answers."""
        ...


class World(Protocol):
    """Where a stack runs."""

    @property
    def core_node(self) -> str:
        """The name of the core node."""
        ...

    @property
    def launcher(self) -> str:
        """The absolute path of the launch file."""
        ...

    @property
    def environment(self) -> Mapping[str, str]:
        """What instances are started with, beside what the daemon adds."""
        ...

    @property
    def settling(self) -> float:
        """Seconds until all know what the test declares on the wire; 0 where they do at once."""
        ...

    @property
    def trace(self) -> Trace:
        """All that is seen."""
        ...

    @property
    def faults(self) -> Faults:
        """What can be done to the stack."""
        ...

    @property
    def names(self) -> Names:
        """What there is in the stack, and was, by name."""
        ...

    @property
    def network(self) -> EmbeddedNetwork | None:
        """The network of a stack in this process; None for a real one."""
        ...

    async def ask(self, request: Request[A]) -> A:
        """Return the daemon's answer; raises the `PeppyError` that it refuses with."""
        ...

    async def read(self, path: str) -> bytes:
        """Return a file of the machine on which the stack runs; raises `PeppyError`."""
        ...

    def transport(self) -> Transport:
        """Return the test's own way into the stack's messages; the world closes it."""
        ...
