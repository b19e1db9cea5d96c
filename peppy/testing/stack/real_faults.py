"""What can be done to a real stack, by name: with signals, to processes. Each is in the trace."""

import os
import signal
from pathlib import Path
from typing import Final

import trio

from peppy.actors.host.shim_family import Family
from peppy.schema.control import ListStack
from peppy.schema.runtime_config import TOKEN_VARIABLE
from peppy.testing.stack.instances import listed
from peppy.testing.stack.real_daemon import OwnDaemon
from peppy.testing.stack.real_trace import Recorder
from peppy.testing.stack.world import NotLiving
from peppy.testing.trace import Kind

DAEMON: Final = "daemon"


class RealFaults:
    """The faults of one real stack."""

    def __init__(self, daemon: OwnDaemon, recorder: Recorder, nursery: trio.Nursery) -> None:
        self._daemon = daemon
        self._recorder = recorder
        self._nursery = nursery
        self._hanging: dict[str, Family] = {}

    async def crash(self, instance_id: str) -> None:
        """Kill an instance, with all processes that came of it. Raises `NotLiving`."""
        family = await self._family(instance_id)
        self._note(instance_id, "crash")
        family.kill()

    async def hang(self, instance_id: str, seconds: float | None = None) -> None:
        """Suspend an instance, for a while or until `resume`. Raises `NotLiving`."""
        family = await self._family(instance_id)
        self._note(instance_id, "hang", "" if seconds is None else f"for {seconds:g} s")
        family.send_all(signal.SIGSTOP)
        self._hanging[instance_id] = family
        if seconds is not None:
            self._nursery.start_soon(self._resume_later, instance_id, family, seconds)

    async def resume(self, instance_id: str) -> None:
        """Let an instance that hangs go on; nothing happens if it does not. Raises `NotLiving`."""
        family = await self._family(instance_id)
        self._note(instance_id, "resume")
        family.send_all(signal.SIGCONT)

    async def kill_daemon(self, *, away: float = 0.0) -> None:
        """Kill the daemon, and start the next one `away` seconds later on what it has left.

        Returns when that answers. Instances live on, as they do in the field.
        """
        self._note(DAEMON, "kill_daemon")
        self._daemon.kill()
        await trio.sleep(away)
        await self._daemon.start()
        await self._recorder.catch_up()

    def resume_all(self) -> None:
        """For the end: let everything go on that hangs, so that it can be stopped in order."""
        for family in self._hanging.values():
            family.send_all(signal.SIGCONT)

    async def _resume_later(self, instance_id: str, family: Family, seconds: float) -> None:
        await trio.sleep(seconds)
        self._note(instance_id, "resume")
        family.send_all(signal.SIGCONT)

    async def _family(self, instance_id: str) -> Family:
        """Return the processes of an instance, which all carry its token."""
        instances = listed(await self._daemon.ask(ListStack()))
        living = [name for name, each in instances.items() if each.is_alive]
        found = instances.get(instance_id)
        token = None if found is None or found.pid is None else _token_of(found.pid)
        if instance_id not in living or token is None:
            raise NotLiving(instance_id, living)
        return Family(token)

    def _note(self, who: str, name: str, what: str = "") -> None:
        self._recorder.trace.add(Kind.FAULT, who, name, what)

    def __repr__(self) -> str:
        return f"<RealFaults of {self._daemon!r}>"


def _token_of(pid: int) -> str | None:
    start = f"{TOKEN_VARIABLE}=".encode()
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    return next(
        (os.fsdecode(each[len(start) :]) for each in variables if each.startswith(start)), None
    )
