"""Everything that came of one program, and its end. Only the standard library is imported here.

Who belongs to a family is found by two marks: the token in the environment, which survives a double
fork, and parentage, which survives a cleared environment. A process id is never trusted for longer
than it takes: it is looked at again once a descriptor stands for the process itself.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

TOKEN_VARIABLE: Final = "PEPPY_INSTANCE_TOKEN"

FREEZE: Final = 2.0
"""Seconds for stopping a family that grows faster than it can be looked at."""

LAST_KILL: Final = 5.0
"""Seconds for SIGKILL to work; a process stuck in the kernel is not waited for any longer."""

LOOK_AGAIN: Final = 0.01
"""Seconds between two looks whether the killed have ended."""

DEEPEST: Final = 10_000
"""Generations; a parentage that seems longer has changed while it was read."""

PIDFD_SIGNAL_PROCESS_GROUP: Final = 4
"""From Linux 6.9 on."""


class Family:
    """The bearers of a token, what is below the process `root`, and the children of all these."""

    def __init__(self, token: str, root: int | None = None) -> None:
        self._token = token
        self._root = root

    def members(self) -> set[int]:
        """Return all that are alive, but never the process that asks."""
        children: dict[int, list[int]] = {}
        living: set[int] = set()
        queue = [] if self._root is None else [self._root]
        for pid in _processes():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent, state = _parent(pid)
                children.setdefault(parent, []).append(pid)
                # A dead process may still have children, and is nobody to end itself.
                if state not in b"ZX":
                    living.add(pid)
                    if bears(pid, self._token):
                        queue.append(pid)
        found = set(queue)
        while queue:
            for child in children.pop(queue.pop(), ()):
                queue.append(child)
                found.add(child)
        return (found & living) - {os.getpid(), self._root}

    def has(self, pid: int) -> bool:
        """Say whether a process belongs to the family now."""
        if pid == os.getpid():
            return False
        with contextlib.suppress(OSError, ValueError, IndexError):
            for _ in range(DEEPEST):
                if bears(pid, self._token):
                    return True
                pid = _parent(pid)[0]
                if pid == self._root:
                    return True
                if pid <= 1:
                    return False
        return False

    def send(self, pid: int, number: int) -> bool:
        """Send a signal to a process if it belongs to the family; say whether that was done."""
        try:
            descriptor = _open(pid)
        except ProcessLookupError:
            return False
        try:
            # Whoever has this id now is looked at only once the descriptor stands for it.
            if not self.has(pid):
                return False
            if descriptor is None:
                os.kill(pid, number)
            else:
                signal.pidfd_send_signal(descriptor, number)
        except (ProcessLookupError, PermissionError):
            return False
        finally:
            if descriptor is not None:
                os.close(descriptor)
        return True

    def send_all(self, number: int) -> None:
        """Send a signal to each."""
        for pid in self.members():
            self.send(pid, number)

    def kill(self) -> None:
        """Send SIGKILL to all, who are stopped first: one that is killed may have a child left."""
        stopped: set[int] = set()
        end = time.monotonic() + FREEZE
        while time.monotonic() < end:
            found = self.members()
            new = {pid for pid in found - stopped if self.send(pid, signal.SIGSTOP)}
            if not new:
                break
            stopped |= new
        for pid in stopped:
            self.send(pid, signal.SIGKILL)

    def end(self) -> bool:
        """Kill until nobody is left, and say whether that came about within `LAST_KILL`."""
        give_up = time.monotonic() + LAST_KILL
        while self.members():
            if time.monotonic() > give_up:
                return False
            self.kill()
            time.sleep(LOOK_AGAIN)
        return True


class Group:
    """The process group that a child of ours leads."""

    def __init__(self, leader: int) -> None:
        self._leader = leader
        self._descriptor = _open(leader)
        self._reaped = False

    def reaped(self) -> None:
        """Note that the leader's id is its own no longer."""
        self._reaped = True

    def send(self, number: int) -> None:
        """Send a signal to all at once, which no fork escapes; nothing happens to an empty one."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if not self._reaped:
                os.killpg(self._leader, number)
            elif self._descriptor is not None:
                with contextlib.suppress(OSError):  # this kernel cannot
                    signal.pidfd_send_signal(
                        self._descriptor, number, None, PIDFD_SIGNAL_PROCESS_GROUP
                    )


def bearers(token: str) -> set[int]:
    """Return the processes that have `token` in their environment, but for the one that asks."""
    found: set[int] = set()
    for pid in _processes():
        with contextlib.suppress(OSError):
            if pid != os.getpid() and bears(pid, token):
                found.add(pid)
    return found


def bears(pid: int, token: str) -> bool:
    """Say whether a process has `token`, which is not empty, in its environment."""
    entry = f"\0{TOKEN_VARIABLE}={token}\0".encode()
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return bool(token) and entry in b"\0" + file.read()
    except PermissionError:
        return False


def start_time(pid: int) -> int:
    """Return when a process began, in ticks since the machine did; 0 if it does not live."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return 0 if fields[0] in b"ZX" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return 0


def _parent(pid: int) -> tuple[int, bytes]:
    """Return a process's parent and its state. Raises `OSError`."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        # The name stands in parentheses and may hold anything; it ends at the last one.
        state, parent = file.read().rpartition(b")")[2].split()[:2]
    return int(parent), state


def _open(pid: int) -> int | None:
    """Return a descriptor of a process, or None where there are none. It may be nobody's pid."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())
