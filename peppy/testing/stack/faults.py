"""What can be done to an embedded stack, by name. Each leaves an entry in the trace."""

from typing import Final, Protocol

import trio
from trio.testing import wait_all_tasks_blocked

from peppy.testing.stack.embedded_daemon import Daemons
from peppy.testing.stack.machine import Inhabiting, Machine
from peppy.testing.stack.network import EmbeddedNetwork
from peppy.testing.stack.world import Faults, NotLiving
from peppy.testing.trace import Kind, Trace

MACHINE: Final = "machine"
"""Who the faults of the whole machine are about, in the trace."""


class AllFaults(Faults, Protocol):
    """What can be done to an embedded stack; see `EmbeddedFaults`.

    Where there are real processes, what takes a machine of the test's own raises `PeppyError`.
    """

    async def kill_daemon(
        self, at_step: int | None = None, *, after: bool = False, away: float = 0.0
    ) -> None:
        """Kill the daemon, now or at a durable step from now on; the next one comes later."""
        ...

    async def fill_disk(self) -> None:
        """Let nothing be written any more, until `free_disk`."""
        ...

    async def free_disk(self) -> None:
        """Let the disk take what is written."""
        ...

    async def reboot(self, *, away: float = 0.0) -> None:
        """Start the machine anew: the daemon and all instances are gone, and nobody saw it."""
        ...


class EmbeddedFaults:
    """The faults of one embedded stack."""

    def __init__(
        self,
        machine: Machine,
        network: EmbeddedNetwork,
        daemons: Daemons,
        trace: Trace,
        nursery: trio.Nursery,
    ) -> None:
        self._machine = machine
        self._network = network
        self._daemons = daemons
        self._trace = trace
        self._nursery = nursery

    def __repr__(self) -> str:
        return f"<EmbeddedFaults of {self._machine}>"

    async def crash(self, instance_id: str) -> None:
        """End an instance at once, without a chance to clean up. Raises `NotLiving`."""
        self._living(instance_id)
        self._note(instance_id, "crash")
        self._network.sever(instance_id)
        self._machine.kill(instance_id)
        await trio.lowlevel.checkpoint()

    async def hang(self, instance_id: str, seconds: float | None = None) -> None:
        """Let an instance stand still, for a while or until `resume`. Raises `NotLiving`.

        Returns when it stands. What comes for it meanwhile waits.
        """
        inhabitant = self._living(instance_id)
        self._note(instance_id, "hang", "" if seconds is None else f"for {seconds:g} s")
        self._network.freeze(instance_id)
        inhabitant.freeze()
        if seconds is not None:
            self._nursery.start_soon(self._resume_later, instance_id, inhabitant, seconds)
        await trio.lowlevel.checkpoint()

    async def resume(self, instance_id: str) -> None:
        """Let an instance that hangs go on; nothing happens if it does not. Raises `NotLiving`."""
        self._resume(instance_id, self._living(instance_id))
        await trio.lowlevel.checkpoint()

    async def kill_daemon(
        self, at_step: int | None = None, *, after: bool = False, away: float = 0.0
    ) -> None:
        """Kill the daemon, and start the next one `away` seconds later on what it has left.

        None kills it now, and returns when the next one answers and has found its stack. A number
        kills it before (or `after`) that durable step from now on, whenever that comes, and returns
        at once: 1 is the next write to its disk or journal, or the next process that it starts.
        """
        if at_step is None:
            self._daemons.kill(away)
            await self._found()
        else:
            self._daemons.kill_at(at_step, after=after, away=away)
        await trio.lowlevel.checkpoint()

    async def fill_disk(self) -> None:
        """Let nothing be written any more, until `free_disk`."""
        await self._set_full(full=True)

    async def free_disk(self) -> None:
        """Let the disk take what is written."""
        await self._set_full(full=False)

    async def reboot(self, *, away: float = 0.0) -> None:
        """Start the machine anew: the daemon and all instances are gone, and nobody saw it.

        Returns when the next daemon answers, `away` seconds later.
        """
        self._note(MACHINE, "reboot")
        self._daemons.kill(away)
        self._machine.processes.reboot()
        await self._machine.emptied()
        await self._found()

    async def _found(self) -> None:
        """Return when there is a daemon, and it has taken a look at what the last one has left."""
        await self._daemons.there()
        await wait_all_tasks_blocked()

    async def _set_full(self, *, full: bool) -> None:
        self._note(MACHINE, "fill_disk" if full else "free_disk")
        self._machine.files.full = self._machine.journal.full = full
        await trio.lowlevel.checkpoint()

    async def _resume_later(self, name: str, inhabitant: Inhabiting, seconds: float) -> None:
        await trio.sleep(seconds)
        if self._machine.living.get(name) is inhabitant:
            self._resume(name, inhabitant)

    def _resume(self, name: str, inhabitant: Inhabiting) -> None:
        self._note(name, "resume")
        inhabitant.thaw()
        self._network.thaw(name)

    def _living(self, name: str) -> Inhabiting:
        found = self._machine.living.get(name)
        if found is None:
            raise NotLiving(name, sorted(self._machine.living))
        return found

    def _note(self, who: str, name: str, what: str = "") -> None:
        self._trace.add(Kind.FAULT, who, name, what)
