"""What nodes get from the daemon over the wire, and what becomes of everything else there."""

from contextlib import closing, suppress

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.kernel import ActorEnded
from peppy.runtime import core_info, datastore
from peppy.runtime.core_errors import CoreNodeUnreachable, DatastoreError
from peppy.runtime.transport.exchange import Exchange
from peppy.runtime.transport.exchange_errors import Refused
from peppy.schema import control, keys
from peppy.schema.core_services import CORE_SERVICES, LONGEST_REQUEST, serving_pattern
from peppy.schema.datastore import (
    Encoding,
    GetValue,
    ListValues,
    RemoveValue,
    SetValue,
    StoredValue,
)
from tests.actors.daemon.test_daemon_actor import daemon
from tests.actors.stack.embedded import CORE, DAEMON_INSTANCE, Embedded, Player
from tests.runtime.service_nodes import alive

TEXT = Encoding.TEXT_PLAIN

SLOW = Player(leaves_in=3.0)


class Unfit(bytes):
    """A value whose length cannot be told: a defect, which no request over the wire can hold."""

    def __len__(self) -> int:
        raise TypeError


async def test_a_node_and_the_command_line_share_one_datastore(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        node = alive(robot.transport(), "front", core_node=CORE)
        with closing(node):
            await datastore.store(node, "arm", b"locked", TEXT)
            view = await robot.ask(GetValue(key="arm"))
            assert view.stored == StoredValue(b"locked", TEXT, "front")
            assert (await robot.ask(SetValue(key="arm", value=b"", encoding=TEXT))).replaced
            stored = await datastore.get(node, "arm")
            assert stored is not None
            assert stored.last_modified_by == "cli"
            assert [each.key for each in (await robot.ask(ListValues())).entries] == ["arm"]
            assert await datastore.remove(node, "arm")
            assert not (await robot.ask(RemoveValue(key="arm"))).existed


async def test_a_refusal_reaches_both_with_its_kind(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        error = await robot.refused(GetValue(key=""))
        assert error.kind == "bad_key"
        with closing(alive(robot.transport(), "front", core_node=CORE)) as node:
            strange = SetValue(key="a", value=b"", encoding=TEXT, by="no/body")
            with pytest.raises(Refused) as refused:
                await node.exchange.ask(
                    keys.core_service(CORE, "datastore"),
                    msgspec.msgpack.encode(strange),
                    attachment=b"SetValue",
                    timeout=5,
                )
            assert refused.value.kind == "bad_writer"
            encoding = Encoding("x" * 129)
            with pytest.raises(DatastoreError, match="has 129 bytes"):
                await datastore.store(node, "a", b"", encoding)


async def test_a_node_is_told_of_the_daemon_and_of_the_stack(autojump_clock: MockClock) -> None:
    async with daemon() as robot:
        await robot.ready()
        await robot.run("front")
        await robot.add("idle:v2")
        with closing(alive(robot.transport(), "front", core_node=CORE)) as node:
            await trio.sleep(5)
            facts = await core_info.info(node)
            listed = await core_info.list(node, True)
        await robot.ask(control.StopDaemon())
        assert (facts.core_node_name, facts.core_node_instance_id) == (CORE, DAEMON_INSTANCE)
        assert (facts.node_count, facts.messaging_port, facts.host_name) == (2, 7448, "robot")
        assert facts.uptime_secs >= 5
        assert listed.running_instance_ids_by_node("hello", "v1") == ["front"]
        assert listed.running_instance_ids_by_node("idle", "v2") == []
        nodes = {node["name"]: node for node in listed.graph["nodes"]}
        assert nodes["hello"]["artifact_path"].endswith("hello_v1.tar.zst")
        assert nodes["hello"]["config_path"].endswith("/peppy.json5")
        assert nodes["idle"]["artifact_path"] is None
        assert nodes["idle"]["stage"] == "Added"
        assert nodes[CORE]["config_path"] is None
        assert listed.dot_graph is not None
        assert "1 running" in listed.dot_graph


async def test_nodes_reach_the_datastore_while_everything_is_taken_down(
    autojump_clock: MockClock,
) -> None:
    async with daemon({"player": SLOW}) as robot:
        await robot.ready()
        await robot.run()
        with closing(alive(robot.transport(), "front", core_node=CORE)) as node:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(robot.ask, control.StopDaemon())
                await trio.sleep(2)
                assert (await robot.refused(control.ListStack())).kind == "going_down"
                await datastore.store(node, "arm", b"parked", TEXT)
                assert await datastore.remove(node, "arm")
            with pytest.raises(CoreNodeUnreachable):
                await datastore.get(node, "arm")


async def test_a_daemon_that_keeps_a_value_is_not_idle(autojump_clock: MockClock) -> None:
    async with daemon(idle_exit=30.0) as robot:
        await robot.ask(SetValue(key="arm", value=b"", encoding=TEXT))
        await trio.sleep(1000)
        assert robot.stack.is_running
        await robot.ask(RemoveValue(key="arm"))
        removed_at = trio.current_time()
        await robot.stack.ended()
        assert 29 < trio.current_time() - removed_at <= 61


async def test_a_datastore_that_fails_is_followed_by_an_empty_one(
    autojump_clock: MockClock,
) -> None:
    async with daemon() as robot:
        await robot.ask(SetValue(key="arm", value=b"", encoding=TEXT))
        with pytest.raises(ActorEnded):
            await robot.ask(SetValue(key="arm", value=Unfit(), encoding=TEXT))
        await wait_all_tasks_blocked()
        assert (await robot.ask(ListValues())).entries == ()
        assert [type(error) for error in robot.failures] == [TypeError]
        robot.failures.clear()


async def asked(robot: Embedded, service: str, name: bytes, payload: bytes) -> Refused:
    """Ask what is no question; return how it is refused."""
    with closing(Exchange(robot.transport())) as exchange:
        with pytest.raises(Refused) as refused:
            await exchange.ask(
                keys.core_service(CORE, service), payload, attachment=name, timeout=5
            )
        return refused.value


@pytest.mark.parametrize("service", CORE_SERVICES)
async def test_what_is_no_request_is_refused_and_counted(
    autojump_clock: MockClock, service: str
) -> None:
    name = next(iter(CORE_SERVICES[service])).encode()
    async with daemon() as robot:
        for number, (word, payload) in enumerate(
            [
                (b"StopDaemon", b"\x80"),
                (b"\xff", b"\x80"),
                (b"", b""),
                (name, b"\xc1"),
                (name, b"\x91" * 10_000),
            ],
            1,
        ):
            refused = await asked(robot, service, word, payload)
            assert refused.kind == "bad_call"
            assert refused.reason.startswith("this is not a request: ")
            assert (await robot.ask(control.DescribeDaemon())).malformed == number
        refused = await asked(robot, service, name, bytes(LONGEST_REQUEST + 1))
        assert refused.reason.endswith(f"it has {LONGEST_REQUEST + 1} bytes")


@given(
    service=st.sampled_from(sorted(CORE_SERVICES)),
    name=st.sampled_from([b"GetValue", b"SetValue", b"ListStack", b"x"]) | st.binary(max_size=9),
    payload=st.binary(max_size=200),
)
@settings(max_examples=60, deadline=None)
def test_no_bytes_end_the_services(service: str, name: bytes, payload: bytes) -> None:
    async def main() -> None:
        async with daemon() as robot:
            transport = robot.transport()
            with closing(Exchange(transport)) as exchange:
                key = keys.core_service(CORE, service)
                transport.publisher(key).put(payload, name)  # not even a question
                with trio.move_on_after(5):
                    with suppress(Refused):
                        await exchange.ask(key, payload, attachment=name, timeout=5)
                assert (await robot.ask(ListValues())).more is False
            with closing(alive(robot.transport(), "front", core_node=CORE)) as node:
                assert (await core_info.info(node)).core_node_name == CORE

    trio.run(main, clock=MockClock(autojump_threshold=0))


async def test_the_services_are_announced_while_the_daemon_is_there(
    autojump_clock: MockClock,
) -> None:
    async with daemon() as robot:
        other = robot.transport()
        await wait_all_tasks_blocked()
        for service in CORE_SERVICES:
            assert len(await other.present(serving_pattern(None, service))) == 1
        await robot.ask(control.StopDaemon())
        await robot.stack.ended()
        for service in CORE_SERVICES:
            assert await other.present(serving_pattern(None, service)) == []
