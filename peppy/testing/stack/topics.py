"""One topic of a stack, as a test listens to it and publishes on it."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import trio

from peppy.runtime.codec import Parts
from peppy.runtime.outlet import Outlet
from peppy.runtime.qos import TERMS, QoSProfile
from peppy.runtime.transport.port import Backlog, Closed
from peppy.schema import keys
from peppy.schema.control import ListStack
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, Name
from peppy.schema.traffic import EndKind
from peppy.schema.wire import TopicView
from peppy.schema.wire_finding import message_format
from peppy.schema.wording import counted, quoted
from peppy.testing.stack.contact import TEST, Contact
from peppy.testing.stack.reading import Reader, codec_for, shown, topic_in

CAPACITY: Final = 65536
"""Messages that wait for a test; no sender ever waits for it."""

LOOK: Final = 0.05
"""Seconds between two looks whether somebody listens."""

WITHIN: Final = 1.0
"""Seconds for a message, unless the test says how long."""

LISTENER: Final = 2.0
"""Seconds for somebody to listen to what a test publishes."""

Where = Callable[[dict[str, Any]], bool]


class Received(msgspec.Struct, frozen=True):
    """One message that came."""

    sender: str
    """The instance id."""
    node: str
    """The name of the sender's node."""
    message: dict[str, Any]
    """By the document's names; a `time` is seconds since the epoch, absent fields are absent."""


class NothingCame(AssertionError):
    """A message that a test waits for has not come in time."""


class NobodyListens(PeppyError):
    """What a test publishes would reach nobody."""

    kind = "nobody_listens"

    def __init__(self, topic: TopicView, within: float) -> None:
        consumers = ", ".join(quoted(str(each.node)) for each in topic.consumers)
        by = f"it is consumed by {consumers}" if consumers else "no document consumes it"
        super().__init__(
            f"nobody has listened to topic {quoted(topic.name)} within {within:g} s; {by}",
            hint="start a node that subscribes to it, or publish with within=None",
        )


class Topic:
    """What `LaunchedStack.topic` gives; `name` is looked up when something is asked of it."""

    def __init__(self, contact: Contact, name: str) -> None:
        self._contact = contact
        self._name = name
        self._outlets: dict[tuple[Name, str, int], Outlet] = {}

    async def view(self) -> TopicView:
        """Return what the documents say of it, and who emits it now."""
        await self._contact.wire()
        return await self._contact.topic(self._name)

    async def next(
        self, within: float = WITHIN, sender: str | None = None, where: Where | None = None
    ) -> Received:
        """Return the first message that comes from now on, or the first one that fits.

        `within` is in seconds of the stack's time, `sender` an instance id. Raises `NothingCame`,
        which says what did come and who could have sent it; `NotFound` or `Ambiguous`. What came
        before is in the trace; who must not miss anything in between uses `subscribe`.
        """
        async with Messages(self._contact, self._name, settling=0.0) as messages:
            return await messages.next(within, sender, where)

    def subscribe(self) -> "Messages":
        """Return a subscription, for `async with`: it has every message from then on."""
        return Messages(self._contact, self._name, self._contact.world.settling)

    async def publish(
        self,
        values: Mapping[str, Any],
        *,
        sender: str = TEST,
        within: float | None = LISTENER,
    ) -> None:
        """Publish a message as if `sender` were an instance of the node that emits the topic.

        Waits up to `within` seconds for somebody to listen, with None for nobody. Raises
        `DocumentError` for values that do not fit, `NobodyListens`, and `NotFound` or `Ambiguous`.
        """
        topic = await self._contact.topic(self._name)
        message_format(topic.format, f"topic {quoted(topic.name)}")
        codec = codec_for(topic.name, topic.format or {})
        encoded = codec.encode(values)
        outlet = self._outlet(topic, sender, codec.fingerprint)
        new = not outlet.sequence
        if within is not None:
            with trio.move_on_after(within) as patience:
                await self._heard(topic, outlet, new=new)
            if patience.cancelled_caught:
                raise NobodyListens(topic, within)
        if TERMS[QoSProfile(topic.qos)].held_back:
            address = self._contact.address(_node(topic), InstanceId(sender))
            await outlet.hold_back(self._contact.runner.transport, address)
        await outlet.send(encoded)
        outlet.flush()

    def _outlet(self, topic: TopicView, sender: str, fingerprint: int) -> Outlet:
        which = (_node(topic), sender, fingerprint)
        if which not in self._outlets:
            runner = self._contact.runner
            key = keys.topic(self._contact.address(_node(topic), InstanceId(sender)), topic.name)
            publisher = runner.transport.publisher(key, TERMS[QoSProfile(topic.qos)].delivery)
            outlet = Outlet(topic.name, publisher, fingerprint, _as_it_is)
            self._outlets[which] = runner.add_end(outlet)
        return self._outlets[which]

    async def _heard(self, topic: TopicView, outlet: Outlet, *, new: bool) -> None:
        """Return when somebody is known to listen."""
        settling = self._contact.world.settling if new else 0.0
        while True:
            # Where the world's own trace listens as well, only the nodes know whether they do.
            if outlet.matched() and (not settling or await self._subscribed(topic)):
                await trio.sleep(settling)
                return
            await trio.sleep(LOOK)

    async def _subscribed(self, topic: TopicView) -> bool:
        view = await self._contact.world.ask(ListStack(traffic=True))
        return any(
            end.kind is EndKind.SUBSCRIBER and end.name == topic.name
            for row in view.nodes
            for instance in row.instances
            if instance.traffic is not None
            for end in instance.traffic.ends
        )

    def __repr__(self) -> str:
        return f"<Topic {quoted(self._name)} of a stack>"


class Messages:
    """A subscription of the test, inside of its `async with`; no sender waits for it."""

    def __init__(self, contact: Contact, name: str, settling: float) -> None:
        """`settling` seconds after it has begun, all senders know of it."""
        self._contact = contact
        self._name = name
        self._settling = settling
        self._subscription: Backlog[Any] | None = None
        self._reader: Reader | None = None
        self._rest: list[Received] = []

    async def __aenter__(self) -> Self:
        """Subscribe; raises `NotFound` or `Ambiguous`."""
        topic = await self._contact.topic(self._name)
        message_format(topic.format, f"topic {quoted(topic.name)}")
        self._reader = Reader([topic])
        node = None if topic.node is None else topic.node.name
        pattern = keys.topic_pattern(topic.name, node)
        transport = self._contact.runner.transport
        self._subscription = transport.subscribe(pattern, capacity=CAPACITY)
        await trio.sleep(self._settling)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._subscription.close()

    async def next(
        self, within: float = WITHIN, sender: str | None = None, where: Where | None = None
    ) -> Received:
        """Return the next message, or the next one that fits; others are passed over.

        Raises as `Topic.next` does.
        """
        passed: list[Received] = []
        with trio.move_on_after(within):
            while True:
                received = await self.receive()
                if sender in (None, received.sender) and (where is None or where(received.message)):
                    return received
                passed.append(received)
        raise NothingCame(await self._what_came(within, sender, passed))

    async def receive(self) -> Received:
        """Return the next message, however long it takes; raises `Closed` once that is over."""
        if self._subscription is None or self._reader is None:
            raise RuntimeError("a subscription is read inside of its 'async with'")
        while not self._rest:
            sample = await self._subscription.receive()
            _, node = topic_in(sample.key)
            sender = keys.sender_of(sample.key)
            read = self._reader.read(sample.payload, sample.attachment)
            self._rest = [Received(sender, node, message) for message in read]
        return self._rest.pop(0)

    def __aiter__(self) -> Self:
        """Iterate until the stack is taken down."""
        return self

    async def __anext__(self) -> Received:
        """Return what `receive` does."""
        try:
            return await self.receive()
        except Closed:
            raise StopAsyncIteration from None

    async def _what_came(self, within: float, sender: str | None, passed: list[Received]) -> str:
        wanted = "" if sender is None else f" of {quoted(sender)}"
        text = f"no message{wanted} came on topic {quoted(self._name)} within {within:g} s"
        if passed:
            last = passed[-1]
            text = (
                f"none of {counted(len(passed), 'message')} on topic {quoted(self._name)} within"
                f" {within:g} s was the one; the last came from {quoted(last.sender)}:"
                f" {shown(last.message)}"
            )
        return f"{text}\n  {await self._who_is_there()}"

    async def _who_is_there(self) -> str:
        """Return who could have sent something; a daemon that is away cannot say it."""
        try:
            await self._contact.wire()
            topic = await self._contact.topic(self._name)
        except PeppyError as error:
            return error.sentence
        if topic.node is None:
            return "no node of the stack emits it"
        running = ", ".join(map(quoted, topic.emitters)) or "none"
        return f"it is emitted by '{topic.node}'; instances that run: {running}"


def _as_it_is(encoded: Parts) -> Parts:
    return encoded


def _node(topic: TopicView) -> Name:
    return Name(TEST) if topic.node is None else topic.node.name
