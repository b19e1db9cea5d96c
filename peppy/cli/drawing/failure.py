"""What went wrong, as programs read it."""

import msgspec

from peppy.runtime.control_client import ControlRefused
from peppy.schema.errors import DocumentError, PeppyError, Problem


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The value under `error` in the JSON document of a command that failed."""

    kind: str
    """A stable word that programs may compare."""
    sentence: str
    hint: str | None = None
    source: str | None = None
    """The document that has the problems."""
    problems: tuple[Problem, ...] = ()
    needs: str | None = None
    """The consent that would have let it pass, as in `stop_instances`."""


def failure_of(error: PeppyError) -> Failure:
    """Return `error` as a value; documents keep their problems one by one."""
    failure = Failure(kind=error.kind, sentence=error.sentence, hint=error.hint, needs=error.needs)
    if isinstance(error, DocumentError | ControlRefused):
        return msgspec.structs.replace(failure, source=error.source, problems=error.problems)
    return failure
