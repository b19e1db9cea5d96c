"""What a node that ends tells its daemon on the way: which step it has come to.

Sent on `keys.leaving` as each step begins, before it can hold the node's loop up.
"""

import enum

import msgspec


class LeavingStep(enum.StrEnum):
    """The steps, in their order."""

    SETUP = "setup"
    """A `setup` that has not returned is being cancelled."""
    HOOK = "hook"
    TASKS = "tasks"
    """The node's remaining tasks are being cancelled."""
    EXIT = "exit"
    """Messaging is about to be closed; the process ends next."""


class Leaving(msgspec.Struct, frozen=True):
    """One step that has begun."""

    step: LeavingStep
    name: str = ""
    """Of the hook: its function's."""
    budget: float = 0.0
    """Seconds that the step may take at most; for a hook what is left of the grace of all."""
    is_async: bool = True
    """Whether it gives way: one that does not holds everything up."""
