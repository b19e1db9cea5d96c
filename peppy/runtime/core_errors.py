"""How asking the core node fails, as node code sees it. Source: behaviour.md 8.7 to 8.9."""

from peppy.schema.wording import quoted


def _named(core_node: str | None) -> str:
    return "a core node" if core_node is None else f"core node {quoted(core_node)}"


class CoreNodeUnreachable(ConnectionError):
    """No daemon is there to answer, or it went away before it did.

    `service` is what was asked; `core_node` whom, None where any would have done.
    """

    def __init__(self, service: str, core_node: str | None, why: str) -> None:
        self.service = service
        self.core_node = core_node
        self.why = why
        super().__init__(f"the {service} of {_named(core_node)} is unreachable: {why}")


class CoreNodeTimeout(TimeoutError):
    """The daemon is there and did not answer within `seconds`."""

    def __init__(self, service: str, core_node: str | None, seconds: float) -> None:
        self.service = service
        self.core_node = core_node
        self.seconds = seconds
        super().__init__(
            f"the {service} of {_named(core_node)} has timed out: no answer within {seconds:g} s"
        )


class CoreNodeError(RuntimeError):
    """The daemon refused; `reason` is its sentence, `kind` a stable word for it."""

    def __init__(self, service: str, kind: str, reason: str, hint: str = "") -> None:
        self.service = service
        self.kind = kind
        self.reason = reason
        self.hint = hint
        super().__init__(f"{reason} ({hint})" if hint else reason)


class DatastoreError(CoreNodeError):
    """The datastore does not take a key or a value, or has no room for it."""
