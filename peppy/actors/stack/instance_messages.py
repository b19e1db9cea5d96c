"""What one instance's actor is told."""

import msgspec

from peppy.actors.host.ports import Process
from peppy.actors.rules import health as pulses
from peppy.actors.rules import instance_life as life
from peppy.actors.rules import restart
from peppy.schema.control import RunNode, StopInstance


class ProcessStarted(msgspec.Struct, frozen=True):
    """The process is there."""

    process: Process


class IdleCheck(msgspec.Struct, frozen=True):
    """Time to look whether the start still shows signs of life."""


class AskerGone(msgspec.Struct, frozen=True):
    """Whoever asked for the start does not wait for it any more."""


class WrittenDown(msgspec.Struct, frozen=True):
    """That the instance runs is in the journal, or could not be written there."""

    error: Exception | None = None


class Concluded(msgspec.Struct, frozen=True):
    """It has ended by itself, its log with these lines."""

    last_lines: tuple[str, ...]


class Departed(msgspec.Struct, frozen=True):
    """Nothing of the instance is left on the machine but its log, which ended so."""

    last_lines: tuple[str, ...]


class Warned(msgspec.Struct, frozen=True):
    """The node has said something that a person should see."""

    warnings: tuple[str, ...]


class Doing(msgspec.Struct, frozen=True):
    """The node has said how far its end has come."""

    text: str


Message = (
    RunNode
    | StopInstance
    | ProcessStarted
    | IdleCheck
    | AskerGone
    | WrittenDown
    | Concluded
    | Departed
    | Warned
    | Doing
    | life.Event
    | pulses.Event
    | restart.Waited
)
