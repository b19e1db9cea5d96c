"""What is done with one instance's process, beside the actor that decides: started, asked, left."""

from collections.abc import Callable
from typing import Final

import trio

from peppy.actors.host.ports import ExitStatus, HostError, Process
from peppy.actors.rules import instance_life as life
from peppy.actors.stack import starting
from peppy.actors.stack.logs import LAST_LINES, without_stamp
from peppy.actors.stack.plan import Plan
from peppy.actors.stack.site import Site
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.durations import REAP
from peppy.schema.errors import PeppyError

ASK_SHUTDOWN: Final = 1.0
"""Seconds that a node has to confirm the request to end; whoever does not is sent SIGTERM."""


async def start(site: Site, plan: Plan, started: Callable[[Process], None]) -> life.Ending:
    """Start the process, tell of it, and stay with it. Raises `HostError` if it cannot start."""
    process = await starting.spawn(site, plan)
    started(process)
    return await stay(process)


async def stay(process: Process) -> life.Ending:
    """Return how the process ended.

    Cancelled, it leaves the process to the next daemon: only the end of an instance ends it.
    """
    try:
        status = await process.wait()
    except trio.Cancelled:
        process.release()
        raise
    return life.Ending(status.code, status.signal)


async def await_ready(site: Site, plan: Plan) -> None:
    """Return once the node has announced that its `setup` has returned."""
    watch = site.transport.watch(keys.ready(plan.address))
    try:
        while not (await watch.receive()).present:
            pass
    finally:
        watch.close()


async def ask_shutdown(site: Site, plan: Plan, process: Process | None) -> bool:
    """Ask the node to end itself, in its own language or else by SIGTERM; return if it heard."""
    key = keys.instance_service(plan.address, keys.SHUTDOWN_SERVICE)
    try:
        await site.exchange.ask(key, b"", timeout=ASK_SHUTDOWN)
    except TransportError:
        if process is not None:
            process.terminate()
        return False
    return True


async def end_orphan(site: Site, plan: Plan) -> None:
    """End the process of an instance whose actor has failed, and wait for it."""
    process = await site.host.processes.adopt(plan.record)
    if process is not None:
        process.kill()
        with trio.move_on_after(REAP):
            await process.wait()


def say_idle(seconds: float) -> str:
    """Return why a start is given up that shows no sign of life."""
    options = "'--idle-timeout', in a launch '--node-run-idle-timeout-secs'"
    return f"no output received for {seconds:g} s (see {options})"


async def last_lines(site: Site, plan: Plan) -> tuple[str, ...]:
    """Return the end of the log, without the stamps; nothing if it cannot be read."""
    try:
        tail = await site.host.files.tail(plan.log, LAST_LINES)
    except HostError as error:
        return (str(error),)
    lines = [without_stamp(line) for line in tail]
    # Those before belong to an instance of the same name that has ended.
    begun = [n for n, text in enumerate(lines) if text.startswith(starting.EXECUTING)]
    return tuple(lines[begun[-1] :] if begun else lines)


async def clear(site: Site, plan: Plan) -> None:
    """Remove what an instance has on the disk beside its log; what cannot be removed stays."""
    try:
        for path in (plan.directory, plan.runtime_config, plan.record):
            await site.host.files.remove(path)
    except HostError:
        pass  # the next daemon clears it: nothing says any more that it is somebody's


def say_ending(ending: life.Ending | None) -> str:
    """Return how an instance ended, in words."""
    return "no process" if ending is None else starting.say_exit(_status(ending))


def _status(ending: life.Ending) -> ExitStatus:
    return ExitStatus(ending.code, ending.signal)


def failure(error: Exception) -> life.Failed:
    """Return what a start comes to that a person can put right; any other error is a defect."""
    if isinstance(error, PeppyError):
        return life.Failed(str(error))
    raise error
