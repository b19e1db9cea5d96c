"""A goal that was fired, as its client holds it. Source: behaviour.md 8.6, 8.7."""

import math
from collections.abc import AsyncGenerator
from typing import Any, Final

import anyio
import msgspec

from peppy.runtime.action_errors import (
    ActionError,
    ActionFeedbackEnded,
    ActionResultTimeout,
    ActionResultUnreachable,
    ActionTimeout,
    ActionUnreachable,
)
from peppy.runtime.action_feedback import UNKNOWN, Feedback
from peppy.runtime.action_formats import ActionFormats
from peppy.runtime.action_reach import LOOK
from peppy.runtime.action_wire import AskLabel, Caller, pack
from peppy.runtime.complaints import Complaints
from peppy.runtime.runner import NodeRunner
from peppy.runtime.transport.exchange import Reply
from peppy.runtime.transport.exchange_errors import Refused, Unanswered, Unreachable
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import keys

GONE: Final = "its server has gone"
"""What ends the feedback of a goal, and the wait for its result, when its server dies."""

SHUT_DOWN: Final = "this node has shut down"
"""What ends all goals of a node that closes."""


class ClientStatistics(msgspec.Struct):
    """What became of the goals of one action that this node fired."""

    fired: int = 0
    accepted: int = 0
    rejected: int = 0
    unanswered: int = 0
    refused: int = 0
    mismatched: int = 0
    unreadable: int = 0
    """Answers and feedback that could not be read."""
    results: int = 0
    cancels: int = 0


class AnswerTypes(msgspec.Struct, frozen=True):
    """The classes by which node code sees answers: (core node, instance id[, data])."""

    cancelled: type[Any]
    finished: type[Any]


class ClientEnd:
    """What one node's goals of one action have in common."""

    def __init__(
        self,
        node: str,
        name: str,
        runner: NodeRunner,
        formats: ActionFormats,
        types: AnswerTypes,
    ) -> None:
        self.node = node
        self.name = name
        self.runner = runner
        self.formats = formats
        self.types = types
        self.statistics = ClientStatistics()
        self.complaints = Complaints()
        self.servers: set[str] = set()
        """The announcements of those who serve it now."""

    @property
    def caller(self) -> Caller:
        """Who we are."""
        address = self.runner.address
        return Caller(address.core_node, address.node, address.instance_id)


class FiredGoal:
    """One goal that a server has decided on, as its client holds it."""

    def __init__(
        self, client: ClientEnd, number: int, reply: Reply, stream: Feedback, data: Any
    ) -> None:
        self.data = data
        """The server's answer to the goal; None if the action has no format for it."""
        self.server = keys.action_server(reply.key)
        self.announcement = f"{reply.key}/{reply.sender}"
        self._client = client
        self._number = number
        self._stream = stream
        self._ended_by: str | None = None
        self._waits: dict[anyio.CancelScope, None] = {}

    async def next_feedback(self) -> Any:
        """Return the next feedback, waiting for it; a cancelled wait loses nothing.

        Raises `ActionFeedbackEnded` once the goal has ended, or its server died, and all is
        handed out. What cannot be read is counted, named on standard error and skipped.
        """
        client = self._client
        while True:
            fingerprint, payload = await self._stream.next()
            try:
                if fingerprint == client.formats.fingerprints["feedback"]:
                    return client.formats.decode("feedback", payload)
                what = f"action '{client.name}': what came as feedback has another format"
            except UnreadablePayload as error:
                what = error.sentence
            client.statistics.unreadable += 1
            client.complaints.about(
                ("unreadable", self.server),
                f"warning: {what} (from '{self.server.instance_id}'); skipped",
            )

    async def feedback(self) -> AsyncGenerator[Any, None]:
        """Iterate over the feedback until the goal ends or its server dies."""
        while True:
            try:
                message = await self.next_feedback()
            except ActionFeedbackEnded:
                return
            yield message

    async def get_result(self, timeout: float) -> Any:
        """Return the server's result, waiting for it up to `timeout` seconds.

        Asking again is fine: the server keeps the result for a while. Raises
        `ActionResultUnreachable` if there is none (rejected, cancelled, the server gone or not
        taking up the request), `ActionResultTimeout` if its handler takes too long, `ActionError`
        if that fails, `ValueError` for a time-out that is none.
        """
        client, instance_id = self._client, self.server.instance_id
        try:
            reply = await self._ask("result", timeout)
            data = client.formats.decode("result", reply.payload)
        except UnreadablePayload as error:
            client.statistics.unreadable += 1
            raise ActionError(client.name, error.sentence, instance_id) from None
        except Unanswered as error:
            if error.acknowledged:
                raise ActionResultTimeout(client.name, timeout, instance_id) from None
            why = f"the server has not come to it within {timeout:g} s"
            raise ActionResultUnreachable(client.name, why, instance_id) from None
        except Refused as error:
            if error.kind == "ended":
                raise ActionResultUnreachable(client.name, error.reason, instance_id) from None
            raise ActionError(client.name, error.reason, instance_id) from None
        except (_GoneError, Unreachable) as error:
            raise ActionResultUnreachable(client.name, _why(error), instance_id) from None
        client.statistics.results += 1
        return client.types.finished(*self._answer(data))

    async def cancel_goal(self, timeout: float) -> Any:
        """Ask the server to cancel the goal; return its answer within `timeout` seconds.

        Raises `ActionUnreachable` if the server is gone or does not take up the request,
        `ActionTimeout` if its handler takes too long, `ActionError` if that fails, `ValueError`
        for a time-out that is none.
        """
        client, instance_id = self._client, self.server.instance_id
        try:
            reply = await self._ask("cancel", timeout)
            data = client.formats.decode("cancel response", reply.payload)
        except UnreadablePayload as error:
            client.statistics.unreadable += 1
            raise ActionError(client.name, error.sentence, instance_id) from None
        except Unanswered as error:
            if error.acknowledged:
                why = f"its cancel handler has not answered within {timeout:g} s"
                raise ActionTimeout(client.name, why, instance_id) from None
            why = f"nobody has taken up the cancel within {timeout:g} s"
            raise ActionUnreachable(client.name, why, instance_id) from None
        except Refused as error:
            raise ActionError(client.name, error.reason, instance_id) from None
        except (_GoneError, Unreachable) as error:
            raise ActionUnreachable(client.name, _why(error), instance_id) from None
        client.statistics.cancels += 1
        return client.types.cancelled(*self._answer(data))

    async def _ask(self, part: keys.ActionPart, timeout: float) -> Reply:
        check_timeout(timeout)
        if self._ended_by is not None:
            raise _GoneError(self._ended_by)
        with anyio.CancelScope() as wait:
            self._waits[wait] = None
            try:
                return await self._ask_until(part, anyio.current_time() + timeout, timeout)
            finally:
                del self._waits[wait]
        raise _GoneError(self._ended_by or GONE)

    async def _ask_until(self, part: keys.ActionPart, deadline: float, timeout: float) -> Reply:
        client = self._client
        while True:
            try:
                return await client.runner.exchange.ask(
                    keys.action(part, client.name, self.server),
                    b"",
                    attachment=pack(AskLabel(self._number, client.caller)),
                    timeout=timeout,
                    servers=self.announcement,
                )
            except Unreachable as error:
                # One look for a server may miss it; who has followed it all the time knows better.
                if error.left or self.announcement not in client.servers:
                    raise
            timeout = max(0.0, deadline - anyio.current_time())
            await anyio.sleep(min(timeout, LOOK))

    def _answer(self, data: Any) -> tuple[Any, ...]:
        given = () if data is None else (data,)
        return (self.server.core_node, self.server.instance_id, *given)

    def end(self, why: str) -> None:
        """For `ActionClient`: nothing comes any more, neither feedback nor a result."""
        self._ended_by = why
        self._stream.end(why, UNKNOWN if why == GONE else None)
        for wait in list(self._waits):
            wait.cancel()


class _GoneError(Exception):
    """Nobody is there to be asked any more."""


def _why(error: _GoneError | Unreachable) -> str:
    return GONE if isinstance(error, Unreachable) else str(error)


def check_timeout(timeout: float) -> None:
    """Raise `ValueError` for a time-out that is negative or no number."""
    if math.isnan(timeout) or timeout < 0:
        raise ValueError(f"a time-out is a number of seconds from 0 on, not {timeout}")
