"""An actor that does what a message says and writes down what happens to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from peppy.actors.kernel import Actor, Ref, Restart


@dataclass(frozen=True)
class Do:
    """Call this, in the actor's turn."""

    call: Callable[["Probe"], object]


@dataclass(frozen=True)
class Please:
    """A question: call this with it, in the actor's turn."""

    call: Callable[["Probe", "Please"], object]

    @classmethod
    def answer_type(cls) -> type[int]:
        return int


@dataclass(eq=False)
class Failures:
    """A reporter that remembers."""

    seen: list[tuple[str, Exception]] = field(default_factory=list[tuple[str, Exception]])

    def __call__(self, ref: Ref[Any], error: Exception) -> None:
        self.seen.append((ref.path, error))

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(path, str(error)) for path, error in self.seen]


Log = list[Any]


class Probe(Actor[object]):
    """Logs its life as texts and every other message as it is."""

    def __init__(
        self,
        log: Log,
        *,
        on_start: Callable[["Probe"], object] | None = None,
        on_stop: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.log = log
        self.on_start = on_start
        self.on_stop = on_stop

    def started(self) -> None:
        self.log.append(f"{self.me.name} starts")
        if self.on_start is not None:
            self.on_start(self)

    def receive(self, message: object) -> None:
        match message:
            case Do():
                message.call(self)
            case Please():
                message.call(self, message)
            case _:
                self.log.append(message)

    async def stopping(self) -> None:
        self.log.append(f"{self.me.name} stops")
        if self.on_stop is not None:
            await self.on_stop()
            self.log.append(f"{self.me.name} cleaned up")

    def child_restarted(self, old: Ref[Any], new: Ref[Any]) -> None:
        self.log.append(f"{old.name} restarted")

    def child_failed(self, ref: Ref[Any], error: Exception) -> None:
        self.log.append(f"{ref.name} failed: {error}")

    def add(
        self,
        name: str,
        restart: Restart = Restart.TEMPORARY,
        *,
        grace: float = 5.0,
        on_start: Callable[["Probe"], object] | None = None,
        on_stop: Callable[[], Awaitable[object]] | None = None,
    ) -> Ref[object]:
        return self.spawn(
            lambda: Probe(self.log, on_start=on_start, on_stop=on_stop),
            name,
            restart=restart,
            grace=grace,
        )


def fail(text: str = "it broke") -> Do:
    """Return a message that makes its receiver fail."""

    def raise_it(_: Probe) -> None:
        raise ValueError(text)

    return Do(raise_it)
