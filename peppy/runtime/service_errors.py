"""How a service call fails, as node code sees it. Source: behaviour.md 8.7, seed 003 "Services"."""

from peppy.schema.wording import quoted


def _named(service: str, instance_id: str | None) -> str:
    who = "" if instance_id is None else f" for instance {quoted(instance_id)}"
    return f"service {quoted(service)}{who}"


class ServiceUnreachable(ConnectionError):
    """Nobody is there to answer, or nobody took the request up.

    `service` and `instance_id` say who was called, the latter None if anybody; `why` is the rest.
    """

    def __init__(self, service: str, instance_id: str | None, why: str) -> None:
        self.service = service
        self.instance_id = instance_id
        self.why = why
        super().__init__(f"{_named(service, instance_id)} is unreachable: {why}")


class ServiceTimeout(TimeoutError):
    """A server took the request up and did not answer within `seconds`."""

    def __init__(self, service: str, instance_id: str | None, seconds: float) -> None:
        self.service = service
        self.instance_id = instance_id
        self.seconds = seconds
        super().__init__(
            f"{_named(service, instance_id)} has timed out: no answer within {seconds:g} s"
        )


class ServiceError(RuntimeError):
    """The server answered with an error; `reason` is what it said, or what is wrong with it."""

    def __init__(self, service: str, instance_id: str | None, reason: str) -> None:
        self.service = service
        self.instance_id = instance_id
        self.reason = reason
        super().__init__(f"{_named(service, instance_id)} returned error: {reason}")
