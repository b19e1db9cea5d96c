"""An exchange does what a model of a few lists does, whatever its askers and servers do."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.runtime.transport.exchange import Exchange, IncomingRequest, Service
from peppy.runtime.transport.exchange_calls import OVERTAKEN
from peppy.runtime.transport.exchange_errors import Refused, Unreachable
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport

SERVERS = 2

Step = tuple[str, int]

KINDS = ("ask 0", "ask 1", "reply", "refuse", "put back", "give up", "end") + 4 * ("ask *", "take")

STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 7)), min_size=15, max_size=50)


@dataclass
class Call:
    """A request as the model has it."""

    number: int
    asked: set[int]
    """The servers that heard it and are there."""
    outcome: str | None = None


@dataclass
class Server:
    """A server, and what the model says that it has."""

    service: Service
    exchange: Exchange
    queue: list[Call] = field(default_factory=list[Call])
    held: list[tuple[Call, IncomingRequest]] = field(
        default_factory=list[tuple[Call, IncomingRequest]]
    )
    there: bool = True


class World:
    """Both at once: what is done to the exchanges is done to the model."""

    def __init__(self, stack: ExitStack, nursery: trio.Nursery, clock: MockClock) -> None:
        network = MemoryNetwork()

        def exchange() -> Exchange:
            return stack.enter_context(closing(Exchange(MemoryTransport(network))))

        self._nursery = nursery
        self._asking = exchange()
        self.servers: list[Server] = []
        for index in range(SERVERS):
            serving = exchange()
            service = serving.serve(f"s/{index}", announce=f"s/{index}")
            self.servers.append(Server(service, serving))
        self.clock = clock
        self.calls: list[Call] = []
        self.seen: dict[int, str] = {}
        self._scopes: dict[int, trio.CancelScope] = {}

    async def do(self, step: Step) -> None:
        what, which = step
        if what.startswith("ask"):
            self._ask(what.removeprefix("ask "))
        elif what == "give up":
            self._give_up(which)
        else:
            server = self.servers[which % SERVERS]
            acts: dict[str, Callable[[Server], None]] = {
                "take": self._take,
                "reply": lambda it: self._answer(it, "reply"),
                "refuse": lambda it: self._answer(it, "refused"),
                "put back": self._put_back,
                "end": self._end,
            }
            if server.there:
                acts[what](server)
        await wait_all_tasks_blocked()
        if what == "end":
            self.clock.jump(OVERTAKEN)
            await wait_all_tasks_blocked()
        self.check()

    def check(self) -> None:
        assert self.seen == {it.number: it.outcome for it in self.calls if it.outcome is not None}
        for server in self.servers:
            for call, request in server.held:
                assert request.gone is (call.outcome is not None)

    def _ask(self, target: str) -> None:
        wanted = set(range(SERVERS)) if target == "*" else {int(target)}
        asked = {index for index in wanted if self.servers[index].there}
        call = Call(len(self.calls), asked)
        self.calls.append(call)
        if not asked:
            call.outcome = "unreachable"
        for index in asked:
            self.servers[index].queue.append(call)
        scope = self._scopes[call.number] = trio.CancelScope()
        self._nursery.start_soon(self._run, call.number, target, scope)

    async def _run(self, number: int, target: str, scope: trio.CancelScope) -> None:
        outcome = "given up"
        with scope:
            try:
                reply = await self._asking.ask(
                    f"s/{target}", b"%d" % number, timeout=1e6, servers=f"s/{target}/*"
                )
                assert reply.payload == b"%d from %s" % (number, reply.key.encode())
                outcome = f"reply of {reply.key}"
            except Refused as refused:
                outcome = f"refused of {refused.key}"
            except Unreachable:
                outcome = "unreachable"
        assert number not in self.seen
        self.seen[number] = outcome

    def _give_up(self, which: int) -> None:
        waiting = [call for call in self.calls if call.outcome is None]
        if waiting:
            call = waiting[which % len(waiting)]
            call.outcome = "given up"
            self._scopes[call.number].cancel()

    def _take(self, server: Server) -> None:
        request = server.service.receive_nowait()
        waiting = [call for call in server.queue if call.outcome is None]
        if request is None:
            assert not waiting
            server.queue = []
            return
        assert request.payload == b"%d" % waiting[0].number
        server.queue = waiting[1:]
        server.held.append((waiting[0], request))

    def _answer(self, server: Server, how: str) -> None:
        if not server.held:
            return
        call, request = server.held.pop(0)
        if how == "reply":
            request.reply(b"%d from %s" % (call.number, request.key.encode()))
        else:
            request.refuse("no")
        if call.outcome is None:
            call.outcome = f"{how} of {request.key}"

    def _put_back(self, server: Server) -> None:
        if server.held:
            call, request = server.held.pop()
            request.put_back()
            server.queue.insert(0, call)

    def _end(self, server: Server) -> None:
        server.there = False
        server.exchange.close()
        index = self.servers.index(server)
        server.held, server.queue = [], []
        for call in self.calls:
            call.asked.discard(index)
            if call.outcome is None and not call.asked:
                call.outcome = "unreachable"


@given(STEPS)
def test_an_exchange_does_what_its_model_does(steps: list[Step]) -> None:
    clock = MockClock()

    async def main() -> None:
        with ExitStack() as stack:
            async with trio.open_nursery() as nursery:
                world = World(stack, nursery, clock)
                await wait_all_tasks_blocked()
                for step in steps:
                    await world.do(step)
                nursery.cancel_scope.cancel()

    trio.run(main, clock=clock)
