"""What a client of an action may hear instead of an answer. Source: behaviour.md 8.7."""


class ActionUnreachable(ConnectionError):
    """No server took up a goal; `instance_id` is whose it was to be, if one was named."""

    def __init__(self, action: str, why: str, instance_id: str | None = None) -> None:
        self.action = action
        self.instance_id = instance_id
        super().__init__(f"{_named(action, instance_id)} is unreachable: {why}")


class ActionTimeout(TimeoutError):
    """A goal was not decided in time, or a cancel was not.

    `ahead` is how many goals the server had before ours when it last said so.
    """

    def __init__(
        self, action: str, why: str, instance_id: str | None = None, ahead: int = 0
    ) -> None:
        self.action = action
        self.instance_id = instance_id
        self.ahead = ahead
        super().__init__(f"{_named(action, instance_id)} has timed out: {why}")


class ActionError(RuntimeError):
    """A handler at the server failed, or the server refuses; `reason` is what it said."""

    def __init__(self, action: str, reason: str, instance_id: str | None = None) -> None:
        self.action = action
        self.reason = reason
        self.instance_id = instance_id
        super().__init__(f"{_named(action, instance_id)} returned error: {reason}")


class ActionMismatch(ActionError):
    """Client and server were made for different formats of the action's messages."""


class ActionResultUnreachable(ConnectionError):
    """There is no result: the goal ended without one, or its server does not give it."""

    def __init__(self, action: str, why: str, instance_id: str | None = None) -> None:
        self.action = action
        self.instance_id = instance_id
        super().__init__(f"{_named(action, instance_id)} is unreachable for result: {why}")


class ActionResultTimeout(TimeoutError):
    """The server works on the result and has not given it in time; asking again is fine."""

    def __init__(self, action: str, seconds: float, instance_id: str | None = None) -> None:
        self.action = action
        self.instance_id = instance_id
        super().__init__(
            f"{_named(action, instance_id)} has timed out waiting for result, after {seconds:g} s"
        )


class ActionFeedbackEnded(RuntimeError):
    """No more feedback comes for a goal; `why` says what ended it."""

    def __init__(self, action: str, why: str) -> None:
        self.action = action
        self.why = why
        super().__init__(f"the feedback of action '{action}' has ended: {why}")


def _named(action: str, instance_id: str | None) -> str:
    target = "" if instance_id is None else f" for instance '{instance_id}'"
    return f"action '{action}'{target}"
