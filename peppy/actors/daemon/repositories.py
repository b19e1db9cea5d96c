"""The actor of the repositories: what a person has added, and what they hold."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, assert_never

import msgspec

from peppy.actors.daemon.repository_keeping import Keeper
from peppy.actors.kernel import Actor, Background
from peppy.actors.stack.outcomes import Done, Failed
from peppy.actors.stack.site import Site
from peppy.schema.repositories import (
    AddRepository,
    ExcludeEntry,
    ListRepositories,
    RefreshRepositories,
    RemoveRepository,
)
from peppy.schema.requests import Request

A = TypeVar("A")


class GivenUp(msgspec.Struct, frozen=True):
    """Whoever wanted this has gone."""

    work: Background


Requests = ListRepositories | AddRepository | RemoveRepository | RefreshRepositories | ExcludeEntry
Message = Requests | Done | Failed | GivenUp


class Repositories(Actor[Message]):
    """The repositories of one daemon. Source: behaviour.md 7.1, 10.1."""

    def __init__(self, site: Site) -> None:
        self._keeper = Keeper(site)

    def started(self) -> None:
        """Put right what a daemon that was killed has left half done."""
        self.background(self._keeper.reconcile)

    def receive(self, message: Message) -> None:
        """Take one message."""
        keeper = self._keeper
        match message:
            case ListRepositories():
                self._work(message, lambda _: keeper.listed())
            case AddRepository():
                self._work(message, lambda tell: keeper.add(message, tell))
            case RemoveRepository():
                self._work(message, lambda _: keeper.remove(message))
            case RefreshRepositories():
                self._work(message, lambda tell: keeper.refresh(message, tell))
            case ExcludeEntry():
                self._work(message, lambda _: keeper.exclude(message))
            case Done() | Failed():
                message.deliver()
            case GivenUp(work):
                work.cancel()
            case _:
                assert_never(message)

    def _work(
        self, request: Request[A], call: Callable[[Callable[[object], None]], Awaitable[A]]
    ) -> None:
        """Answer `request` with what `call` returns or raises, later; give it up with its asker."""
        promise = self.promise(request)
        work = self.background(
            call,
            promise.note,
            done=lambda answer: Done(promise, answer),
            failed=lambda error: Failed(promise, error),
        )
        promise.on_abandon(GivenUp(work))
