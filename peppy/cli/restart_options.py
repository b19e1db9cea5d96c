"""What is typed about restarts, and the policy that it makes."""

from typing import Annotated, Literal

from cyclopts import Parameter

from peppy.cli.options import at_least_one, positive
from peppy.cli.usage import Usage
from peppy.schema.restart import RestartMode, RestartPolicy

RestartOption = Annotated[
    Literal["never", "on_failure", "always"],
    Parameter(name="--restart", help="After which endings it is started again (never)."),
]

RestartLimit = Annotated[
    int | None,
    Parameter(name="--restart-limit", help="Restarts within the window, at the most (5)."),
]

RestartWindow = Annotated[
    float | None, Parameter(name="--restart-window", help="Seconds of that window (600).")
]

RestartIfHung = Annotated[
    float | None,
    Parameter(
        name="--restart-if-hung",
        help="Seconds without health after which a running instance counts as failed.",
    ),
]


def restart_policy(
    mode: str, limit: int | None, window: float | None, hung_after: float | None
) -> RestartPolicy:
    """Return the policy; raise `Usage` for numbers that are none, or that nothing would use."""
    default = RestartPolicy()
    policy = RestartPolicy(
        mode=RestartMode(mode),
        limit=default.limit if limit is None else at_least_one(limit, "--restart-limit"),
        window=default.window if window is None else positive(window, "--restart-window"),
        hung_after=None if hung_after is None else positive(hung_after, "--restart-if-hung"),
    )
    if policy.mode is RestartMode.NEVER and policy != default:
        raise Usage(
            "what follows '--restart-' needs '--restart'",
            hint="write '--restart on_failure' or '--restart always' as well",
        )
    return policy
