"""Any requests at any time, of programs that behave in any way: what always holds afterwards."""

from dataclasses import dataclass, field

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.stack.errors import BuildFailed
from peppy.actors.stack.stack_messages import Requests
from peppy.schema import control
from peppy.schema.control import InstanceState, Stage
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, parse_node_id
from tests.actors.stack.embedded import (
    DAEMON_INSTANCE,
    HOME,
    Builder,
    Embedded,
    Part,
    Player,
    embedded,
)

BUILDERS: dict[str, Part] = {
    "builds": Builder(),
    "builds-slowly": Builder(prints=("a", "b", "c"), every=2.0),
    "build-fails": Builder(code=2),
    "build-hangs": Builder(hangs=True),
}
PLAYERS: dict[str, Part] = {
    "plays": Player(),
    "plays-late": Player(every=3.0, leaves_in=3.0),
    "ends": Player(lasts=4.0),
    "dies": Player(prints=("a", "b"), every=2.0, lasts=1.0, code=1),
    "mute": Player(ready=False),
    "deaf": Player(leaves_in=None),
    "stubborn": Player(leaves_in=None, obeys_terminate=False),
    "broken": Player(prints=("no",) * 3, every=1.0, ready=False, lasts=2.5, code=7),
}
NODES = ["talker:v1", "listener:v1"]
OVER = (InstanceState.FINISHED, InstanceState.FAILED)


@dataclass(frozen=True)
class Asking:
    """One request, when it comes, and how long its asker has patience."""

    request: Requests
    at: float
    patience: float
    build: str
    run: str


@dataclass
class Outcomes:
    """What became of the requests."""

    answered: int = 0
    refused: list[str] = field(default_factory=list[str])
    left: int = 0

    @property
    def count(self) -> int:
        return self.answered + len(self.refused) + self.left


def requests() -> st.SearchStrategy[Requests]:
    nodes = st.sampled_from([parse_node_id(node) for node in NODES])
    instances = st.sampled_from([InstanceId("front"), InstanceId("rear")])
    sources = st.sampled_from([f"/nodes/{node.replace(':', '_')}" for node in NODES])
    yes = st.booleans()
    return st.one_of(
        st.builds(
            control.AddNode, source=sources, sync=st.just(True), stop_instances=yes, force=yes
        ),
        st.builds(control.BuildNode, node=nodes, force=yes, idle_timeout=st.just(5.0)),
        st.builds(control.RunNode, node=nodes, instance_id=instances, idle_timeout=st.just(5.0)),
        st.builds(control.StopInstance, instance_id=instances),
        st.builds(control.RemoveNode, node=nodes, stop_instances=yes),
    )


def askings() -> st.SearchStrategy[list[Asking]]:
    one = st.builds(
        Asking,
        request=requests(),
        at=st.integers(0, 40).map(lambda tenths: tenths / 2),
        patience=st.sampled_from([0.0, 1.0, 3.0, 1000.0, 1000.0, 1000.0]),
        build=st.sampled_from(sorted(BUILDERS)),
        run=st.sampled_from(sorted(PLAYERS)),
    )
    return st.lists(one, max_size=25)


async def carry_out(robot: Embedded, asking: Asking, outcomes: Outcomes) -> None:
    await trio.sleep(asking.at)
    if isinstance(asking.request, control.AddNode):
        index = 0 if "talker" in asking.request.source else 1
        robot.source(NODES[index], build=asking.build, run=asking.run)
    with trio.move_on_after(asking.patience) as scope:
        try:
            await robot.stack.ask(asking.request)
            outcomes.answered += 1
        except PeppyError as error:
            outcomes.refused.append(error.kind)
    outcomes.left += scope.cancelled_caught


async def check(robot: Embedded) -> None:
    """Nothing lives that is not listed; what is on the disk belongs to what is listed."""
    view = await robot.listed()
    nodes = view.nodes[1:]
    instances = [each for row in nodes for each in row.instances]
    live = {f"{DAEMON_INSTANCE}/{i.instance_id}" for i in instances if i.state not in OVER}
    building = {f"{DAEMON_INSTANCE}/build/{n.node}" for n in nodes if n.stage is Stage.BUILDING}
    assert robot.living <= live | building
    assert robot.names(HOME.instances) <= {each.instance_id for each in instances}
    if not building:
        assert robot.workspaces == set()
    for row in nodes:
        if row.stage is Stage.READY:
            assert HOME.artifact(row.node) in robot.files.items
    artifacts = {f"{node.name}_{node.tag}.tar.zst" for node in map(parse_node_id, NODES)}
    assert len(robot.names(HOME.built_nodes) - artifacts) == len(nodes)


async def live_through(history: list[Asking], ends_at: float | None) -> None:
    async with embedded({**BUILDERS, **PLAYERS}) as robot:
        for node in NODES:
            await robot.ready(node, build="builds", run="plays")
        outcomes = Outcomes()
        async with trio.open_nursery() as nursery:
            for asking in history:
                nursery.start_soon(carry_out, robot, asking, outcomes)
            if ends_at is not None:
                await trio.sleep(ends_at)
                await robot.take_down()
        assert outcomes.count == len(history)
        assert "bug" not in outcomes.refused
        if ends_at is None:
            await trio.sleep(20)
            await check(robot)
            await robot.take_down()
        await wait_all_tasks_blocked()
        assert (robot.living, robot.workspaces) == (set(), set())
        assert robot.instance_directories == set()
    # A build may fail in the instant in which it is ended: its last word is then reported.
    assert [error for error in robot.failures if not isinstance(error, BuildFailed)] == []


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(askings())
def test_after_any_requests_nothing_lives_that_is_not_listed(history: list[Asking]) -> None:
    trio.run(live_through, history, None, clock=MockClock(autojump_threshold=0))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(askings(), st.integers(0, 20).map(float))
def test_taking_down_amid_any_requests_leaves_nothing(
    history: list[Asking], ends_at: float
) -> None:
    trio.run(live_through, history, ends_at, clock=MockClock(autojump_threshold=0))
