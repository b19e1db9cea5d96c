"""How far a node has come: from its snapshot (`Added`) through `Building` to `Ready`.

A build that fails or is given up leaves the node where it was before, with nothing half-built; a
second build while one is under way is refused unless it is forced (behaviour.md 11.1).
"""

import enum

import msgspec
from msgspec.structs import replace


class At(enum.Enum):
    """The stages that a node passes through."""

    ADDED = "Added"
    BUILDING = "Building"
    READY = "Ready"


class StageState(msgspec.Struct, frozen=True):
    """Where the node is, and what the end of a build depends on."""

    at: At = At.ADDED
    artifact: bool = False
    """Whether there is one, perhaps while another build of it is under way."""
    again: bool = False
    """Whether a forced build waits for the present one to end."""


class BuildAsked(msgspec.Struct, frozen=True):
    """Somebody wants an artifact."""

    force: bool = False


class Built(msgspec.Struct, frozen=True):
    """The artifact is in place."""


class BuildEnded(msgspec.Struct, frozen=True):
    """The build ended without an artifact."""


class BuildUnwanted(msgspec.Struct, frozen=True):
    """Whoever asked for the build went away."""


Event = BuildAsked | Built | BuildEnded | BuildUnwanted


class BeginBuild(msgspec.Struct, frozen=True):
    """Start a build job."""


class CancelBuild(msgspec.Struct, frozen=True):
    """End the build job that is under way; its end comes as `BuildEnded`."""


class RefuseBuild(msgspec.Struct, frozen=True):
    """Say that this stage takes no build."""

    at: At


Action = BeginBuild | CancelBuild | RefuseBuild

Step = tuple[StageState, tuple[Action, ...]]


def step(state: StageState, event: Event) -> Step:
    """Return the stage after `event`, and what is to be done."""
    match state.at, event:
        case At.BUILDING, BuildAsked(force):
            if force and not state.again:
                return replace(state, again=True), (CancelBuild(),)
            return state, (RefuseBuild(At.BUILDING),)
        case At.READY, BuildAsked(force=False):
            return state, (RefuseBuild(At.READY),)
        case _, BuildAsked():
            return replace(state, at=At.BUILDING), (BeginBuild(),)
        case At.BUILDING, Built() | BuildEnded():
            artifact = state.artifact or isinstance(event, Built)
            if state.again:
                return StageState(At.BUILDING, artifact), (BeginBuild(),)
            return StageState(At.READY if artifact else At.ADDED, artifact), ()
        case At.BUILDING, BuildUnwanted() if not state.again:
            return state, (CancelBuild(),)
        case _:
            return state, ()
