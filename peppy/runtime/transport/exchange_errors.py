"""How a request can end without an answer."""

from peppy.runtime.transport.port import TransportError


class Unanswered(TransportError):
    """Nobody answered a request in time.

    `acknowledged` says whether somebody had taken it up; `queued`, whether it had reached nobody,
    or all who might answer had said that it waits. If neither holds, nobody knows: a loop that is
    held up says nothing.
    """

    def __init__(
        self, key: str, seconds: float, *, acknowledged: bool, queued: bool = False
    ) -> None:
        self.key = key
        self.seconds = seconds
        self.acknowledged = acknowledged
        self.queued = queued
        super().__init__(f"nobody answered '{key}' within {seconds:g} s")


class Refused(TransportError):
    """Whoever answered a request refused it.

    `reason` is the sentence that it gave, `kind` a word for programs, `detail` what goes with it,
    `sender` the identity of its transport.
    """

    def __init__(
        self, key: str, reason: str, kind: str = "", detail: bytes = b"", sender: str = ""
    ) -> None:
        self.key = key
        self.reason = reason
        self.kind = kind
        self.detail = detail
        self.sender = sender
        super().__init__(f"'{key}' was refused: {reason}")


class Unreachable(TransportError):
    """Nobody is there to answer a request; `left` says whether somebody was, and has gone since."""

    def __init__(self, key: str, *, left: bool, acknowledged: bool = False) -> None:
        self.key = key
        self.left = left
        self.acknowledged = acknowledged
        what = "whoever was to answer it has gone" if left else "nobody is there to answer it"
        super().__init__(f"'{key}' is unreachable: {what}")
