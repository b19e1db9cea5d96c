"""Stand-ins for all that a node under test talks to, on an in-memory network."""

from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from peppy.runtime.action_waiting import Bell
from peppy.runtime.codec import Codec
from peppy.runtime.runner import NodeRunner
from peppy.runtime.token import CancellationToken
from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.loops import give_way
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Sample
from peppy.runtime.transport.routes import Routes
from peppy.runtime.unfit import UnreadablePayload
from peppy.schema import envelope, keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag, is_name
from peppy.testing.failures import NodeEnded, NoSuchLink, NotRunning, NotSeen, after, seconds
from peppy.testing.node_names import NodeNames
from peppy.testing.trace import Kind, Trace

CORE_NODE: Final = "core-node-under-test"

OUTSIDE: Final = "outside"
"""The node and the instance that stand for whoever sends an external topic."""

TESTER: Final = "tester"
"""The node and the instance that ask what the node under test offers."""

_TAG: Final = Tag("v1")


class Stage(MemoryNetwork):
    """A network whose messages and whose listeners are seen as they come."""

    def __init__(
        self, on_sample: Callable[[Sample], None], on_listening: Callable[[], None]
    ) -> None:
        super().__init__()
        self.samples = _SeenRoutes(on_listening)
        self._on_sample = on_sample

    def deliver(self, sample: Sample) -> None:
        """Hand `sample` to all that listen."""
        self._on_sample(sample)
        super().deliver(sample)


class _SeenRoutes(Routes):
    """Tells of each new listener."""

    def __init__(self, on_listening: Callable[[], None]) -> None:
        super().__init__()
        self._on_listening = on_listening

    def add(self, pattern: str, sink: Sink) -> None:
        super().add(pattern, sink)
        self._on_listening()


class Peers:
    """All whom one node under test can reach, and what its mocks and probes have in common.

    Whatever happens rings one bell: who waits for something looks again.
    """

    def __init__(self, under_test: Address, bound: dict[str, InstanceId]) -> None:
        """`bound` says for a dependency's label which instance stands for it."""
        self.under_test = under_test
        self.bound = bound
        self.network = Stage(self._seen, self.changed)
        self.over = False
        """Whether the node under test has ended."""
        self.ended_by: BaseException | None = None
        """What ended it, if that was a failure."""
        self.emitted = Counter[str]()
        """How many messages the node under test has emitted on each topic."""
        self.names = NodeNames(under_test.instance_id)
        """What the trace can have."""
        self._links: dict[str, set[str]] = {}
        self._codecs: dict[tuple[str, str], Codec[Any]] = {}
        self._runners: dict[tuple[str, str], NodeRunner] = {}
        self._at_opening: list[Callable[[], None]] = []
        self._tasks: TaskGroup | None = None
        self._trace: Trace | None = None
        self._trouble: Exception | None = None
        self._bell = Bell()

    # Before the node runs.

    def knows(self, name: str, node: str, codec: Codec[Any], message: type[Any]) -> None:
        """Have messages of this topic of this node shown in the trace, as `message`."""
        self._codecs[name, node] = codec
        self.names.topics.setdefault(name, set()).update(message.__annotations__)

    def consumes(self, node: str, link: str | None) -> None:
        """Take in that the node under test depends on `node`, under the label `link`."""
        if link is not None:
            self._links.setdefault(node, set()).add(link)

    def bindings(self) -> dict[str, InstanceId]:
        """Return which instance is meant by each label that must mean one.

        Where two labels are of one node, each means a stand-in of its own.
        """
        several = [link for links in self._links.values() if len(links) > 1 for link in links]
        return {link: self._called(link) for link in sorted(several)} | self.bound

    def check_bound(self) -> None:
        """Raise `NoSuchLink` for an instance that is bound to what the node does not consume."""
        links = sorted(link for links in self._links.values() for link in links)
        for link in self.bound:
            if link not in links:
                raise NoSuchLink(link, links)

    def at_opening(self, work: Callable[[], None]) -> None:
        """Have `work` done before the node starts; now if it runs already."""
        if self._tasks is None:
            self._at_opening.append(work)
        else:
            work()

    # While it runs.

    def open(self, tasks: TaskGroup, trace: Trace) -> None:
        """Let the play begin, with these tasks."""
        self._tasks, self._trace = tasks, trace
        for work in self._at_opening:
            work()
        self._at_opening.clear()

    async def close(self) -> None:
        """Have everybody leave."""
        for runner in self._runners.values():
            runner.close()
            await runner.transport.close()
        self._runners.clear()

    def end(self, error: BaseException | None) -> None:
        """Take in that the node under test has ended, by this failure if it was one."""
        self.over, self.ended_by = True, error
        self.changed()

    def stand_in(
        self, node: str | None, link: str | None = None, instance_id: str | None = None
    ) -> NodeRunner:
        """Return who stands for an instance of `node`: alive and ready from the first call on.

        By default that is the instance that the label is bound to, or one called like the label.
        """
        if self._tasks is None:
            raise NotRunning(self.under_test.node, "publish, call and fire")
        if instance_id is None:
            instance_id = self.instance_for(node, link)
        key = node or OUTSIDE, instance_id
        runner = self._runners.get(key)
        if runner is None:
            address = self.address_of(node, instance_id)
            transport = MemoryTransport(self.network)
            runner = NodeRunner(address, _TAG, transport, CancellationToken())
            runner.work_with(self._tasks)
            self._runners[key] = runner
            transport.announce(keys.alive(address))
            transport.announce(keys.ready(address))
        return runner

    def tester(self) -> NodeRunner:
        """Return who asks what the node under test offers."""
        return self.stand_in(TESTER, None, TESTER)

    def instance_for(self, node: str | None, link: str | None) -> str:
        """Return the id of the instance that stands for a dependency."""
        if link is None:
            return node or OUTSIDE
        return self.bound.get(link) or self._called(link)

    def address_of(self, node: str | None, instance_id: str) -> Address:
        """Return where such a stand-in is."""
        core_node = self.under_test.core_node
        return Address(core_node, Name(node or OUTSIDE), InstanceId(instance_id))

    def spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have `work` done until the end of the play."""
        if self._tasks is None:
            raise NotRunning(self.under_test.node, "let others act")
        self._tasks.start_soon(work)

    def listened_to(self, key: str) -> bool:
        """Say whether somebody listens to what is sent on `key`."""
        return bool(self.network.samples.listening(key))

    def note(self, who: str, name: str, what: object) -> None:
        """Add a request, an answer or their like to the trace."""
        if self._trace is not None:
            self._trace.add(Kind.MESSAGE, who, name, what)

    # Waiting.

    def changed(self) -> None:
        """Let whoever waits look again."""
        self._bell.ring_for_all()

    def trouble(self, error: Exception) -> None:
        """Have the test fail for this: a handler of its own has gone wrong."""
        self._trouble = self._trouble or error
        self.changed()

    def check(self) -> None:
        """Raise what has gone wrong in a handler of the test, once."""
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble

    async def until(
        self, there: Callable[[], object], within: float, missing: Callable[[str], str]
    ) -> None:
        """Return once `there()` is true, which may take what it looks at.

        Raises `NotSeen` after `within` seconds, `NodeEnded` as soon as the node has ended, both
        with the sentence `missing(when)`; and what has gone wrong in a handler of the test.
        """
        __tracebackhide__ = True  # a test fails where it waits
        await give_way()
        with anyio.move_on_after(within):
            while not there():
                self.check()
                if self.over:
                    before = f"before it ended{after(self.ended_by)}"
                    raise NodeEnded(missing(before)) from self.ended_by
                await self._bell.wait()
            return
        if not there():
            raise NotSeen(missing(seconds(within)))

    def _called(self, link: str) -> InstanceId:
        return InstanceId(link if is_name(link) else OUTSIDE)

    def _seen(self, sample: Sample) -> None:
        parts = sample.key.split("/")
        if parts[1] != "topic" or self._trace is None:
            return
        name, node, instance_id = parts[2], parts[3], parts[-1]
        found = readers(sample, self._codecs.get((name, node)))
        if instance_id == self.under_test.instance_id:
            self.emitted[name] += len(found)
        for read in found:
            self._trace.add_lazily(Kind.MESSAGE, instance_id, name, read)


def readers(sample: Sample, codec: Codec[Any] | None) -> list[Callable[[], Any]]:
    """Return what reads each message of a topic's sample; without a codec, how long it is."""
    rest = sample.attachment[envelope.SIZE :]
    number = envelope.number_in(rest)
    if codec is None:
        return [lambda: f"{len(sample.payload)} bytes"] * number
    if number == 1:
        return [lambda: _read(codec, sample.payload, rest)]
    return [_nth(codec, sample.payload, index) for index in range(number)]


def _nth(codec: Codec[Any], payload: bytes, index: int) -> Callable[[], Any]:
    return lambda: codec.decode_many(payload)[index]


def _read(codec: Codec[Any], payload: bytes, rest: bytes) -> Any:
    try:
        return codec.decode(payload, rest)
    except UnreadablePayload as error:
        return error.sentence
