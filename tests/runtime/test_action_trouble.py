"""What is wrong with an action is said, counted and survived; and what ends, ends for everybody."""

import random
from dataclasses import dataclass

import anyio
import msgspec
import pytest

from peppy.runtime.action_errors import (
    ActionError,
    ActionMismatch,
    ActionResultUnreachable,
    ActionUnreachable,
)
from peppy.runtime.action_fired import FiredGoal
from peppy.runtime.action_goals import MOST_KEPT, RESULT_KEPT
from peppy.runtime.action_wire import Caller, GoalLabel, Told, pack, pack_mark
from peppy.runtime.qos import QoSProfile
from peppy.runtime.transport.exchange_errors import Refused
from peppy.runtime.transport.memory import MemoryNetwork, MemoryTransport
from peppy.runtime.transport.port import Closed, Transport
from peppy.runtime.unfit import UnfitValue
from peppy.schema import keys
from tests.runtime.action_nodes import (
    CORE,
    SOON,
    Arena,
    CancelResponse,
    Client,
    Feedback,
    GoalRequest,
    Request,
    Result,
    Scene,
    accept,
    begun,
    collect,
    consumed,
    exposed,
    finish,
    runner_of,
)
from tests.runtime.transport.wires import WORLDS, Wire, World, until


@pytest.fixture(params=WORLDS)
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.param
    return found


def play(world: World, scene: Scene) -> None:
    async def scenario(wire: Wire) -> None:
        await scene(Arena(wire))

    world.run(scenario)


@dataclass(slots=True)
class OtherResult:
    final: float


def test_formats_that_differ_are_named_field_by_field_at_both_ends(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(arena: Arena) -> None:
        server = await arena.server()
        arena.action = consumed(({"final": "f64"}, OtherResult))
        client = await arena.client()
        with pytest.raises(ActionMismatch, match="other formats: result: field 'final'"):
            await client.fire()
        assert server.statistics.mismatched == 1
        assert server.statistics.goals == 0

    play(world, scene)
    assert "'pilot' was made for other formats: result: field 'final'" in capsys.readouterr().err


def test_a_format_that_only_one_end_has_is_named(world: World) -> None:
    async def scene(arena: Arena) -> None:
        await arena.server()
        arena.action = consumed(None)
        with pytest.raises(ActionMismatch, match="result: there is one here and none there"):
            await (await arena.client()).fire()

    play(world, scene)


def test_an_answer_that_does_not_fit_is_an_error_at_both_ends(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()

        def nothing(_: GoalRequest) -> None:
            return None

        async def serve() -> None:
            with pytest.raises(UnfitValue, match="goal response: must be a Response, not None"):
                await server.handle_goal(nothing)
            await accept(server)
            with pytest.raises(UnfitValue, match="result: field 'final'"):
                await finish(server, "far")  # type: ignore[arg-type]  # pyright: ignore

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            with pytest.raises(ActionError, match="must be a Response"):
                await client.fire()
            goal = await client.fire()
            with pytest.raises(ActionError, match="field 'final'"):
                await goal.get_result(SOON)

    play(world, scene)


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_time_out_that_is_none_is_refused(world: World, timeout: float) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        with pytest.raises(ValueError, match="a time-out is a number of seconds from 0 on"):
            await client.fire(timeout=timeout)
        goal = await begun(server, client)
        for ask in (goal.get_result, goal.cancel_goal):
            with pytest.raises(ValueError, match="a time-out"):
                await ask(timeout)

    play(world, scene)


def test_a_target_that_is_no_name_is_refused(world: World) -> None:
    async def scene(arena: Arena) -> None:
        with pytest.raises(ValueError, match=r"'\*' cannot be a server's name"):
            await (await arena.client()).fire(instance_id="*")

    play(world, scene)


def test_a_goal_waits_for_a_running_server_that_has_not_exposed_its_action(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner, client = await arena.node("left", "brain"), await arena.client()
        runner.transport.announce(keys.alive(runner.address))

        async def expose_late() -> None:
            await anyio.sleep(0.8)
            await accept(await exposed().expose(runner))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(expose_late)
            assert (await client.fire()).data.accepted

    play(world, scene)


def test_an_instance_that_is_not_there_is_answered_with_what_was_meant(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner, client = await arena.node("left", "brain"), await arena.client()
        runner.transport.announce(keys.alive(runner.address))
        with pytest.raises(ActionUnreachable, match="did you mean 'left'"):
            await client.fire(instance_id="lift")

    play(world, scene)


def test_feedback_without_a_goal_is_counted_and_goes_nowhere(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        await server.emit_feedback(Feedback(1))
        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, server)
            await goal.get_result(SOON)
        await server.emit_feedback(Feedback(2))
        assert await collect(goal) == []
        assert server.traffic().more["feedback_unsent"] == 2
        with pytest.raises(UnfitValue, match="field 'position'"):
            await server.emit_feedback(Feedback(2**40))

    play(world, scene)


@pytest.mark.parametrize(
    ("qos", "capacity"), [(QoSProfile.Standard, 128), (QoSProfile.SensorData, 1024)]
)
def test_a_client_that_is_slow_loses_the_oldest_feedback_and_sees_it(
    world: World, qos: QoSProfile, capacity: int
) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goals: list[FiredGoal] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(accept, server)
            goals.append(await client.fire(qos=qos))
        for position in range(capacity + 3):
            await server.emit_feedback(Feedback(position))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, server)
            await goals[0].get_result(SOON)
        assert await collect(goals[0]) == list(range(3, capacity + 3))
        (traffic,) = client.runner.traffic().ends
        assert traffic.dropped == 3
        assert traffic.more["feedback_lost"] == 0

    play(world, scene)


def test_a_connection_that_is_closed_ends_the_waiting_of_the_server(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner = await arena.node("left", "brain")
        server = await exposed().expose(runner)
        assert await exposed().expose(runner) is not server
        ended: list[str] = []

        async def wait(name: str) -> None:
            handle = {
                "goal": server.handle_goal,
                "result": server.handle_result,
                "cancel": server.handle_cancel,
            }[name]
            with pytest.raises(Closed):
                await handle(str)
            ended.append(name)

        async with anyio.create_task_group() as tasks:
            for name in ("goal", "result", "cancel"):
                tasks.start_soon(wait, name)
            await anyio.lowlevel.checkpoint()
            runner.close()
        assert sorted(ended) == ["cancel", "goal", "result"]

    play(world, scene)


def test_an_action_is_exposed_once_per_node(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner, action = await arena.node("left", "brain"), exposed()
        assert await action.expose(runner) is await action.expose(runner)

    play(world, scene)


def noise(seed: int) -> list[bytes]:
    """Return payloads and attachments that nobody of ours sends."""
    chance = random.Random(seed)
    nested = b"\x91" * 10_000 + b"\xc0"
    random_ones = [chance.randbytes(chance.randrange(200)) for _ in range(50)]
    return [b"", b"\xc1", nested, msgspec.msgpack.encode([1, ["*", "x", "a/b"]]), *random_ones]


def test_garbage_in_a_request_is_refused_with_a_sentence_and_counted(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner = await arena.node("left", "brain")
        server, client = await exposed().expose(runner), await arena.client()
        stranger = (await arena.node("stranger", "none")).exchange
        parts: dict[keys.ActionPart, str] = {
            "goal": "no goal",
            "cancel": "no request",
            "result": "no request",
        }
        for part, text in parts.items():
            key = keys.action(part, "move", runner.address)
            for piece in noise(2):
                with pytest.raises(Refused, match=f"what came is {text} of a client"):
                    await stranger.ask(key, piece, attachment=piece, timeout=SOON)
        assert server.statistics.foreign == 3 * len(noise(2))
        goal = await begun(server, client)
        assert goal.data.accepted

    play(world, scene)


def test_a_goal_that_cannot_be_read_is_refused_and_the_next_one_served(world: World) -> None:
    async def scene(arena: Arena) -> None:
        runner = await arena.node("left", "brain")
        server, client = await exposed().expose(runner), await arena.client()
        formats = exposed().formats
        label = GoalLabel(
            1, Caller(CORE, "x", "stranger"), "standard", formats.fingerprints, formats.literals
        )
        stranger = (await arena.node("stranger", "none")).exchange

        async def send() -> None:
            key = keys.action("goal", "move", runner.address)
            with pytest.raises(Refused, match="the payload cannot be read"):
                await stranger.ask(key, b"\xc1", attachment=pack(label), timeout=SOON)
            await client.fire()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await accept(server)
        assert server.statistics.unreadable == 1

    play(world, scene)


def test_garbage_on_every_key_is_counted_and_survived(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async def throw(stranger: Transport, server: keys.Address, identity: str) -> None:
        wires = [
            keys.action(part, "move", server) for part in ("goal", "cancel", "result", "leave")
        ]
        for key in (*wires, keys.feedback(identity, "move", server)):
            publisher = stranger.publisher(key)
            await until(publisher.matched)
            for piece in noise(1):
                await publisher.send(piece, piece)
                await publisher.send(piece)
            await publisher.send(b"\xff\xfe", pack_mark(Told.END, 2**63, 2**64 - 1))

    async def scene(arena: Arena) -> None:
        runner = await arena.node("left", "brain")
        server, client = await exposed().expose(runner), await arena.client()
        goal = await begun(server, client)
        stranger = (await arena.node("stranger", "none")).transport
        await throw(stranger, runner.address, client.runner.transport.identity)
        await until(lambda: server.statistics.foreign > 0)
        await server.emit_feedback(Feedback(3))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, server)
            await goal.get_result(SOON)
        assert await collect(goal) == [3]

    play(world, scene)
    assert len(capsys.readouterr().err.splitlines()) < 12


async def test_a_result_is_kept_for_a_minute_and_not_for_longer(autojump_clock: object) -> None:
    network = MemoryNetwork()
    server = await exposed().expose(runner_of(MemoryTransport(network), "left", "brain"))
    client = Client(consumed(), runner_of(MemoryTransport(network), "pilot", "controller"))
    goal = await begun(server, client)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(finish, server)
        await goal.get_result(SOON)
    await anyio.sleep(RESULT_KEPT - 1)
    assert (await goal.get_result(SOON)).data == Result(7)
    await anyio.sleep(2)
    with pytest.raises(ActionResultUnreachable, match="the goal is not known here, or no more"):
        await goal.get_result(SOON)
    assert not (await goal.cancel_goal(SOON)).data.accepted
    assert server.statistics.unknown == 2


async def test_no_more_goals_are_kept_than_there_is_room_for(autojump_clock: object) -> None:
    network = MemoryNetwork()
    server = await exposed().expose(runner_of(MemoryTransport(network), "left", "brain"))
    client = Client(consumed(), runner_of(MemoryTransport(network), "pilot", "controller"))
    goals: list[FiredGoal] = []
    for _ in range(MOST_KEPT + 2):
        goals.append(await begun(server, client))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(finish, server)
            await goals[-1].get_result(SOON)
        await anyio.sleep(0.01)
    with pytest.raises(ActionResultUnreachable):
        await goals[0].get_result(SOON)
    assert (await goals[-1].get_result(SOON)).data == Result(7)


def test_a_client_that_leaves_after_the_decision_does_not_hold_the_server_up(
    world: World,
) -> None:
    """The answer is on its way when the client's time is over."""

    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        goal = await begun(server, client)
        label = msgspec.msgpack.encode([1, [CORE, "controller", "pilot"]])
        way = client.runner.transport.publisher(keys.action_pattern("leave", "move", "brain"))
        await until(way.matched)
        way.put(client.runner.transport.identity.encode(), label)
        called: list[Request] = []

        def give(request: Request) -> Result:
            called.append(request)
            return Result(1)

        await server.handle_result(give)
        assert called == [Request("pilot", CORE)]
        assert (await goal.get_result(SOON)).data == Result(1)

    play(world, scene)


def test_requests_of_handlers_show_who_asks(world: World) -> None:
    async def scene(arena: Arena) -> None:
        server, client = await arena.pair()
        seen: list[GoalRequest | Request] = []

        def cancel(request: Request) -> CancelResponse:
            seen.append(request)
            return CancelResponse(False)

        async def serve() -> None:
            await server.handle_cancel(cancel)

        goal = await begun(server, client)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            await goal.cancel_goal(SOON)
        assert seen == [Request("pilot", CORE)]

    play(world, scene)
