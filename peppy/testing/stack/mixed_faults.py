"""What can be done to a stack of which a part lives in this process, by name."""

import trio

from peppy.schema.errors import PeppyError
from peppy.testing.stack.inhabitants import Inhabitant
from peppy.testing.stack.machine import Inhabiting
from peppy.testing.stack.mixed_machine import MixedMachine
from peppy.testing.stack.real_daemon import OwnDaemon
from peppy.testing.stack.real_faults import RealFaults
from peppy.testing.stack.real_trace import Recorder


class OnlyEmbedded(PeppyError):
    """A fault that needs a machine, or a loop, which is the test's own."""

    kind = "only_embedded"

    def __init__(self, what: str, hint: str = "run this test without 'processes'") -> None:
        super().__init__(f"where there are real processes, {what}", hint=hint)


class MixedFaults(RealFaults):
    """Signals for processes; those who live in this one are killed and frozen as embedded ones."""

    def __init__(
        self, machine: MixedMachine, daemon: OwnDaemon, recorder: Recorder, nursery: trio.Nursery
    ) -> None:
        super().__init__(daemon, recorder, nursery)
        self._machine = machine

    async def crash(self, instance_id: str) -> None:
        """End an instance at once, without a chance to clean up. Raises `NotLiving`."""
        if instance_id not in self._machine.living:
            await super().crash(instance_id)
            return
        self._note(instance_id, "crash")
        self._machine.kill(instance_id)
        await trio.lowlevel.checkpoint()

    async def hang(self, instance_id: str, seconds: float | None = None) -> None:
        """Let an instance stand still, for a while or until `resume`.

        Raises `NotLiving`, and `OnlyEmbedded` for one on Trio that lives in this process.
        """
        found = self._machine.living.get(instance_id)
        if found is None:
            await super().hang(instance_id, seconds)
            return
        if isinstance(found, Inhabitant) and not found.on_asyncio:
            raise OnlyEmbedded(
                f"'{instance_id}' cannot stand still: it runs on Trio, as the test does",
                hint="let it be one of the 'processes'",
            )
        self._note(instance_id, "hang", "" if seconds is None else f"for {seconds:g} s")
        found.freeze()
        if seconds is not None:
            self._nursery.start_soon(self._thaw_later, instance_id, found, seconds)
        await trio.lowlevel.checkpoint()

    async def resume(self, instance_id: str) -> None:
        """Let an instance that hangs go on; nothing happens if it does not. Raises `NotLiving`."""
        found = self._machine.living.get(instance_id)
        if found is None:
            await super().resume(instance_id)
            return
        self._note(instance_id, "resume")
        found.thaw()
        await trio.lowlevel.checkpoint()

    async def kill_daemon(
        self, at_step: int | None = None, *, after: bool = False, away: float = 0.0
    ) -> None:
        """Kill the daemon, and start the next one `away` seconds later on what it has left.

        Returns when that answers. Raises `OnlyEmbedded` for a step.
        """
        if at_step is not None or after:
            raise OnlyEmbedded("the daemon is killed now, and not at a step to come")
        await super().kill_daemon(away=away)

    async def fill_disk(self) -> None:
        """Raise `OnlyEmbedded`."""
        await trio.lowlevel.checkpoint()
        raise OnlyEmbedded("the disk is the machine's own, and is not filled")

    async def free_disk(self) -> None:
        """Raise `OnlyEmbedded`."""
        await trio.lowlevel.checkpoint()
        raise OnlyEmbedded("the disk is the machine's own, and is not filled")

    async def reboot(self, *, away: float = 0.0) -> None:
        """Raise `OnlyEmbedded`."""
        del away
        await trio.lowlevel.checkpoint()
        raise OnlyEmbedded("the machine is not started anew")

    def resume_all(self) -> None:
        """For the end: let everything go on that hangs, so that it can be stopped in order."""
        super().resume_all()
        for inhabitant in self._machine.living.values():
            inhabitant.thaw()

    async def _thaw_later(self, name: str, inhabitant: Inhabiting, seconds: float) -> None:
        await trio.sleep(seconds)
        if self._machine.living.get(name) is inhabitant:
            self._note(name, "resume")
            inhabitant.thaw()
