"""What the nodes emit, expose and consume: declared as generated bindings declare it."""

from dataclasses import dataclass
from typing import Any, Final, Self
from zlib import crc32

from peppy.runtime.actions import ConsumedAction, ExposedAction
from peppy.runtime.binding import Binding
from peppy.runtime.services import ConsumedService, ExposedService
from peppy.runtime.topics import ConsumedTopic, EmittedTopic

NODE: Final = "soaker"
CORE: Final = "core-node-soak"

PROFILES: Final = ("sensor_data", "standard", "reliable", "critical")
NEVER_LOSES: Final = frozenset({"reliable", "critical"})
"""Each topic is named for its profile."""


@dataclass(slots=True)
class Parcel:
    """One message of a topic."""

    run: str
    number: int
    check: int
    load: bytes

    def intact(self) -> bool:
        return crc32(self.load) == self.check


PARCEL: Final = {"run": "string", "number": "u64", "check": "u32", "load": "bytes"}


@dataclass(slots=True)
class Ticket:
    """Names one call or one goal; what comes back carries the same."""

    run: str
    number: int


@dataclass(slots=True)
class Step:
    """Feedback of a goal."""

    run: str
    number: int
    step: int


@dataclass(slots=True)
class Response:
    accepted: bool


@dataclass(slots=True)
class Asked:
    """A request, as its server sees it."""

    instance_id: str
    core_node: str
    data: Ticket


@dataclass(slots=True)
class Bare:
    """A cancel, or the request for a result."""

    instance_id: str
    core_node: str


@dataclass(slots=True)
class CancelResponse:
    accepted: bool
    error_message: str | None = None


@dataclass(slots=True)
class Answered:
    """An answer, as its client sees it."""

    core_node: str
    instance_id: str
    data: Any


@dataclass
class NoParameters:
    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls()


BINDING: Final = Binding(NODE, "v1", NoParameters, {}, "0" * 64)

TICKET: Final[dict[str, Any]] = {"run": "string", "number": "u64"}
STEP: Final[dict[str, Any]] = {"run": "string", "number": "u64", "step": "u32"}
RESPONSE: Final[dict[str, Any]] = {"accepted": "bool"}

SERVICE: Final = "work"
ACTION: Final = "move"


def emitted() -> dict[str, EmittedTopic[Parcel]]:
    return {name: EmittedTopic(name, name, PARCEL, Parcel) for name in PROFILES}


def consumed(profile: str) -> ConsumedTopic[Parcel]:
    """Return the topic as an external one: from any node."""
    return ConsumedTopic(None, profile, profile, PARCEL, Parcel)


def exposed_service() -> ExposedService:
    return ExposedService(SERVICE, TICKET, Ticket, Asked, TICKET, Ticket)


def consumed_service() -> ConsumedService:
    return ConsumedService(NODE, SERVICE, TICKET, Ticket, TICKET, Ticket, Answered)


def exposed_action() -> ExposedAction:
    return ExposedAction(
        ACTION,
        (TICKET, Ticket),
        (RESPONSE, Response),
        (STEP, Step),
        (TICKET, Ticket),
        Asked,
        Bare,
        CancelResponse,
        Bare,
    )


def consumed_action() -> ConsumedAction:
    return ConsumedAction(
        NODE,
        ACTION,
        (TICKET, Ticket),
        (RESPONSE, Response),
        (STEP, Step),
        (TICKET, Ticket),
        CancelResponse,
        Answered,
        Answered,
    )
