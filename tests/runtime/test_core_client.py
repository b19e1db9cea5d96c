"""Asking the core node, on asyncio and on Trio: who is found, what comes back, how it fails."""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from peppy.actors.rules.datastore import Values
from peppy.actors.stack.errors import GoingDown
from peppy.runtime import core_info, datastore
from peppy.runtime.core_errors import (
    CoreNodeError,
    CoreNodeTimeout,
    CoreNodeUnreachable,
    DatastoreError,
)
from peppy.runtime.standalone import CORE_NODE
from peppy.runtime.transport.exchange import Exchange, IncomingRequest
from peppy.runtime.transport.memory import MemoryTransport
from peppy.runtime.transport.port import Closed
from peppy.schema import keys
from peppy.schema.control import InstanceState
from peppy.schema.core_services import CORE_SERVICES
from peppy.schema.datastore import (
    LARGEST_VALUE,
    PAGE,
    Encoding,
    GetValue,
    ListValues,
    RemoveValue,
    RemoveValueView,
    SetValue,
    SetView,
    ValueView,
)
from peppy.schema.errors import PeppyError
from peppy.schema.requests import Request
from tests.cli.sample_views import CORE_ROW, DAEMON, HELLO, LINKED, instance, row
from tests.runtime.memory_nodes import BACKENDS
from tests.runtime.service_nodes import CORE, Nodes, Scenario, among

pytestmark = pytest.mark.parametrize("backend", BACKENDS)

TEXT = Encoding.TEXT_PLAIN

Answers = Callable[[Request[Any]], object]


def keep(values: Values) -> Answers:
    """Return how a core node answers that keeps values and knows one stack."""

    def answer(request: Request[Any]) -> object:
        match request:
            case GetValue(key=key):
                return ValueView(stored=values.get(key))
            case SetValue(key=key, value=value):
                return SetView(key=key, size=len(value), replaced=values.set(request))
            case ListValues(after=after):
                return values.page(after)
            case RemoveValue(key=key):
                return RemoveValueView(key=key, existed=values.remove(key))
            case _:
                return DAEMON if "Daemon" in type(request).__name__ else LINKED

    return answer


@contextmanager
def core(nodes: Nodes, answer: Answers, name: str = CORE) -> Generator[Exchange]:
    """Have a core node on the network answer like this."""

    def serve(service: str) -> None:
        def arrived(incoming: IncomingRequest) -> None:
            kind = CORE_SERVICES[service][incoming.attachment.decode()]
            try:
                view = answer(msgspec.msgpack.decode(incoming.payload, type=kind))
            except PeppyError as refused:
                incoming.refuse(refused.sentence, refused.kind, (refused.hint or "").encode())
            else:
                if view is not None:
                    incoming.reply(msgspec.msgpack.encode(view))

        key = keys.core_service(name, service)
        exchange.serve(key, announce=key, arrived=arrived)

    with closing(Exchange(MemoryTransport(nodes.network))) as exchange:
        for service in CORE_SERVICES:
            serve(service)
        yield exchange


def run(backend: str, scenario: Scenario) -> None:
    among(backend, scenario)


def test_what_one_node_stores_another_gets_lists_and_removes(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        front, rear = nodes.node("front"), nodes.node("rear")
        with core(nodes, keep(Values())):
            assert await datastore.get(rear, "lock") is None
            await datastore.store(front, "lock", b"locked", TEXT, 3.0)
            await datastore.store(front, "a", bytearray(b"{}"), "application/x-mine")
            stored = await datastore.get(rear, "lock")
            assert stored is not None
            assert (stored.value, stored.encoding) == (b"locked", TEXT)
            assert stored.last_modified_by == "front"
            await datastore.store(rear, "lock", memoryview(b"mine"), TEXT)
            assert [
                (entry.key, entry.encoding, entry.last_modified_by, entry.size)
                for entry in await datastore.list(rear)
            ] == [("a", "application/x-mine", "front", 2), ("lock", "text/plain", "rear", 4)]
            assert await datastore.remove(front, "lock", response_timeout_secs=2.0)
            assert not await datastore.remove(front, "lock")

    run(backend, scenario)


def test_a_listing_goes_on_behind_the_end_of_a_page(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        values = Values()
        for number in range(PAGE + 1):
            values.set(SetValue(key=f"{number:06}", value=b"", encoding=TEXT))
        with core(nodes, keep(values)):
            listed = await datastore.list(nodes.node("front"))
        assert [entry.key for entry in listed] == [f"{n:06}" for n in range(PAGE + 1)]

    run(backend, scenario)


def test_beyond_a_limit_nothing_is_sent_and_the_error_says_which(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("front")  # nobody is there who could be asked
        with pytest.raises(DatastoreError, match=f"values of {LARGEST_VALUE} bytes"):
            await datastore.store(node, "a", bytes(LARGEST_VALUE + 1), TEXT)
        for call in (datastore.get, datastore.remove):
            with pytest.raises(DatastoreError, match="cannot be a key: it has 513 bytes") as caught:
                await call(node, "x" * 513)
            assert caught.value.kind == "bad_key"
        with pytest.raises(TypeError, match="a value is bytes, not str"):
            await datastore.store(node, "a", "text", TEXT)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    run(backend, scenario)


def test_what_the_core_node_refuses_is_raised_with_its_hint(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, keep(Values(most_keys=1))):
            node = nodes.node("front")
            await datastore.store(node, "a", b"", TEXT)
            with pytest.raises(DatastoreError, match="holds 1 keys at the most") as caught:
                await datastore.store(node, "b", b"", TEXT)
        assert caught.value.kind == "datastore_full"
        assert "remove what nobody needs" in str(caught.value)

    run(backend, scenario)


def test_without_a_daemon_it_is_unreachable_long_before_the_time_out(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("front")
        with anyio.fail_after(3), pytest.raises(CoreNodeUnreachable) as caught:
            await datastore.get(node, "a", 1000)
        assert isinstance(caught.value, ConnectionError)
        assert str(caught.value) == (
            f"the datastore of core node '{CORE}' is unreachable: no daemon is running"
        )

    run(backend, scenario)


def test_a_daemon_of_another_core_node_is_none_of_a_bound_nodes(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, keep(Values()), "core-2"), pytest.raises(CoreNodeUnreachable):
            await datastore.get(nodes.node("front"), "a")

    run(backend, scenario)


def test_a_daemon_that_comes_a_moment_later_is_waited_for(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(datastore.store, nodes.node("front"), "a", b"", TEXT)
            await anyio.wait_all_tasks_blocked()
            with core(nodes, keep(values := Values())):
                while not len(values):
                    await anyio.wait_all_tasks_blocked()
                    await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()

    run(backend, scenario)


def test_a_daemon_that_does_not_answer_times_out(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, lambda _: None), pytest.raises(CoreNodeTimeout) as caught:
            await datastore.get(nodes.node("front"), "a", 0.05)
        assert isinstance(caught.value, TimeoutError)
        assert str(caught.value).endswith("no answer within 0.05 s")

    run(backend, scenario)


def test_a_daemon_that_goes_away_amid_a_question_is_unreachable_at_once(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        async def ask() -> None:
            with pytest.raises(CoreNodeUnreachable, match="went away before it answered"):
                await datastore.get(nodes.node("front"), "a", 1000)

        async with anyio.create_task_group() as tasks:
            with core(nodes, lambda _: None):
                tasks.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                await anyio.sleep(0.02)

    run(backend, scenario)


def test_the_next_daemon_of_the_same_core_node_is_found_again(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("front")
        for _ in range(2):
            with core(nodes, keep(Values())):
                assert await datastore.get(node, "a") is None
                await datastore.store(node, "a", b"", TEXT)

    run(backend, scenario)


def test_a_standalone_node_asks_the_core_node_that_is_there(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("standalone", core_node=CORE_NODE)
        with pytest.raises(CoreNodeUnreachable, match="the datastore of a core node"):
            await datastore.get(node, "a", 0)
        with core(nodes, keep(values := Values()), "core-2"):
            await datastore.store(node, "a", b"", TEXT)
            assert (await core_info.info(node)).core_node_name == DAEMON.core_node
        with core(nodes, keep(Values()), "core-3"):
            assert await datastore.get(node, "a") is None
        stored = values.get("a")
        assert stored is not None
        assert stored.last_modified_by == "standalone"

    run(backend, scenario)


def test_of_two_core_nodes_a_standalone_node_stays_with_one(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("standalone", core_node=CORE_NODE)
        one, other = Values(), Values()
        with core(nodes, keep(one), "core-2"), core(nodes, keep(other), "core-1"):
            for number in range(10):
                await datastore.store(node, str(number), b"", TEXT)
        assert {len(one), len(other)} == {10, 0}

    run(backend, scenario)


@pytest.mark.parametrize("timeout", [-1.0, float("nan")])
def test_what_is_no_time_is_a_value_error(backend: str, timeout: float) -> None:
    async def scenario(nodes: Nodes) -> None:
        with pytest.raises(ValueError, match="a timeout is a number of seconds"):
            await datastore.get(nodes.node("front"), "a", timeout)

    run(backend, scenario)


def test_a_node_whose_connection_is_closed_says_so(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        node = nodes.node("front")
        with core(nodes, keep(Values())):
            await datastore.get(node, "a")
            node.close()
            with pytest.raises(Closed):
                await datastore.get(node, "a")

    run(backend, scenario)


def test_an_answer_of_another_kind_is_an_error_and_no_crash(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, lambda _: [1, 2]), pytest.raises(CoreNodeError, match="cannot be read"):
            await core_info.info(nodes.node("front"))

    run(backend, scenario)


def test_a_daemon_that_is_about_to_end_is_unreachable(backend: str) -> None:
    def answer(_: Request[Any]) -> object:
        raise GoingDown

    async def scenario(nodes: Nodes) -> None:
        with core(nodes, answer), pytest.raises(CoreNodeUnreachable, match="is going down"):
            await datastore.get(nodes.node("front"), "a")

    run(backend, scenario)


def test_info_says_the_documented_facts(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, keep(Values())):
            found = await core_info.info(nodes.node("front"), 2.0)
        assert (found.core_node_name, found.core_node_instance_id) == (
            DAEMON.core_node,
            DAEMON.instance_id,
        )
        assert (found.uptime_secs, found.node_count) == (DAEMON.uptime, DAEMON.nodes)
        assert (found.host_name, found.messaging_port) == (DAEMON.host_name, DAEMON.messaging_port)
        assert found.git_version == ""
        containers = found.container_info
        assert containers.apptainer_version is containers.lima_version is None

    run(backend, scenario)


def test_the_stack_is_listed_as_the_documented_graph(backend: str) -> None:
    async def scenario(nodes: Nodes) -> None:
        with core(nodes, keep(Values())):
            listed = await core_info.list(nodes.node("front"), False)
            drawn = await core_info.list(nodes.node("front"), True, 2.0)
        rows = {str(row.node): row for row in LINKED.nodes}
        assert [f"{node['name']}:{node['tag']}" for node in listed.graph["nodes"]] == list(rows)
        for node in listed.graph["nodes"]:
            assert set(node) == {
                "name", "tag", "config_path", "artifact_path", "stage", "instances"
            }  # fmt: skip
        (edge,) = LINKED.dependencies
        assert listed.graph["edges"] == [{"from": str(edge.dependent), "to": str(edge.dependency)}]
        assert listed.dot_graph is None
        assert drawn.dot_graph is not None
        assert f'"{edge.dependent}" -> "{edge.dependency}";' in drawn.dot_graph
        assert drawn.graph == listed.graph

    run(backend, scenario)


def test_running_instances_are_found_by_their_node(backend: str) -> None:
    ended = instance("two", InstanceState.FAILED)
    view = replace(LINKED, nodes=(CORE_ROW, row(instance("one"), ended, instance("three"))))

    async def scenario(nodes: Nodes) -> None:
        with core(nodes, lambda _: view):
            listed = await core_info.list(nodes.node("front"), with_dot_graph=True)
        assert listed.running_instance_ids_by_node(HELLO.name, HELLO.tag) == ["one", "three"]
        assert listed.dot_graph is not None
        assert "2 running" in listed.dot_graph
        with pytest.raises(KeyError, match="hello_world:v9"):
            listed.running_instance_ids_by_node(HELLO.name, "v9")

    run(backend, scenario)
