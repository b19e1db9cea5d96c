"""What may happen to one robot, all of it drawn from one number: requests, deaths, full disks."""

from dataclasses import dataclass
from random import Random
from typing import Final

from peppy.actors.stack.messages import TakeDown
from peppy.actors.stack.stack_messages import Requests
from peppy.schema import control
from peppy.schema import launch as launches
from peppy.schema.names import InstanceId, NodeId, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.actors.stack.embedded import SOURCES, Part, Player
from tests.actors.stack.test_stack_histories import BUILDERS, NODES, PLAYERS, Asking

PARTS: Final[dict[str, Part]] = {
    **BUILDERS,
    **PLAYERS,
    "unwell": Player(well=False),
    "lasts": Player(lasts=25.0, leaves_in=1.0),
}
STEADY: Final = frozenset({"plays", "plays-late", "deaf", "stubborn", "unwell"})
"""Programs that do not end by themselves."""

RUNS: Final = [*["plays", "ends", "lasts"] * 4, *sorted(PARTS.keys() - BUILDERS.keys()) * 2]
"""What nodes run: more often what gets to run, so that more happens."""

PATIENT: Final = 1000.0
"""Seconds in which every request is answered, whatever goes on."""

AWAY: Final = (0.0, 0.0, 1.0, 10.0, 400.0)
"""Seconds without a daemon; in the last of them whatever ran has given up waiting for one."""


@dataclass(frozen=True)
class Stretch:
    """The time of one daemon, and what follows it."""

    askings: tuple[Asking, ...]
    dies_at: int | None
    """The durable step at which it is killed; otherwise it is killed when its time is over."""
    after: bool
    """Whether it is killed after that step, or before it."""
    lasts: float
    full: tuple[float, float] | None
    """From when until when the journal takes nothing."""
    reboot: bool
    """Whether the machine is started anew afterwards."""
    away: float
    """Seconds until the next daemon."""


def schedule(seed: int) -> tuple[Stretch, ...]:
    """Return what happens with this seed: one, two or three daemons that are killed."""
    chance = Random(seed)
    first = _stretch(chance, _beginning(chance) + _askings(chance, chance.randint(4, 12)), 120)
    stretches = [first]
    if chance.random() < 0.3:  # the next one dies while it still looks around
        stretches.append(_stretch(chance, [], 8))
    if chance.random() < 0.5:
        stretches.append(_stretch(chance, _askings(chance, chance.randint(2, 8)), 60))
    return tuple(stretches)


def _stretch(chance: Random, askings: list[Asking], most_steps: int) -> Stretch:
    full_from = chance.uniform(0.0, 8.0)
    full = (full_from, full_from + chance.choice([0.5, 3.0, 30.0]))
    reboot = chance.random() < 0.15
    return Stretch(
        askings=tuple(askings),
        dies_at=chance.randint(1, most_steps) if chance.random() < 0.7 else None,
        after=chance.random() < 0.5,
        lasts=chance.choice([3.0, 8.0, 8.0, 15.0, 30.0]),
        full=full if chance.random() < 0.15 else None,
        reboot=reboot,
        away=max(chance.choice(AWAY), 1.0 if reboot else 0.0),
    )


def _beginning(chance: Random) -> list[Asking]:
    """Return what gives most histories something to run."""
    asked: list[Asking] = []
    for node in map(parse_node_id, NODES):
        run = chance.choice(RUNS)
        if chance.random() < 0.9:
            asked.append(Asking(_add(chance, node), 0.0, PATIENT, "builds", run))
            asked.append(Asking(control.BuildNode(node=node), 0.5, PATIENT, "builds", run))
    return asked


def _askings(chance: Random, count: int) -> list[Asking]:
    return [
        Asking(
            request=_request(chance),
            at=chance.randint(2, 18) / 2,
            patience=PATIENT if chance.random() < 0.8 else chance.choice([0.0, 0.5, 2.0]),
            build=chance.choice(["builds", "builds", *BUILDERS]),
            run=chance.choice(RUNS),
        )
        for _ in range(count)
    ]


def _request(chance: Random) -> Requests:
    node = parse_node_id(chance.choice(NODES))
    instance = InstanceId(chance.choice(["front", "rear"]))
    kind = chance.choices(range(7), weights=[2, 3, 9, 4, 1.5, 0.3, 2])[0]
    match kind:
        case 0:
            return _add(chance, node)
        case 1:
            force = chance.random() < 0.4
            return control.BuildNode(node=node, force=force, idle_timeout=5.0)
        case 2:
            named = None if chance.random() < 0.2 else instance
            policy = _policy(chance)
            return control.RunNode(node=node, instance_id=named, idle_timeout=5.0, restart=policy)
        case 3:
            return control.StopInstance(instance_id=instance)
        case 4:
            return control.RemoveNode(node=node, stop_instances=chance.random() < 0.7)
        case 5:
            return TakeDown()
        case _:
            return _undertaking(chance)


def _undertaking(chance: Random) -> Requests:
    consent = chance.random() < 0.9
    match chance.choices(range(4), weights=[6, 2, 1, 2])[0]:
        case 0:
            nodes = chance.sample(NODES, chance.randint(1, len(NODES)))
            return launches.Launch(
                launcher=f"/launchers/{'_'.join(nodes).replace(':', '-')}.json5",
                clear_stack=consent,
                rollback=chance.random() < 0.8,
                rebuild=chance.random() < 0.3,
                build_idle_timeout=5.0,
                run_idle_timeout=5.0,
            )
        case 1:
            return launches.CancelLaunch()
        case 2:
            return launches.ClearStack(clear_stack=consent, keep_nodes=chance.random() < 0.5)
        case _:
            return launches.RestartStack(clear_stack=consent)


def launched_nodes(request: launches.Launch) -> list[NodeId]:
    """Return the nodes that a launch file of `_undertaking` names."""
    names = request.launcher.rpartition("/")[2].removesuffix(".json5")
    return [parse_node_id(name.replace("-", ":")) for name in names.split("_")]


def _add(chance: Random, node: NodeId) -> control.AddNode:
    return control.AddNode(
        source=str(SOURCES / f"{node.name}_{node.tag}"),
        sync=True,
        stop_instances=chance.random() < 0.6,
        force=chance.random() < 0.3,
    )


def _policy(chance: Random) -> RestartPolicy:
    mode = chance.choice([RestartMode.NEVER, *RestartMode])
    hung = chance.choice([None, None, 6.0])
    return RestartPolicy(mode=mode, limit=chance.randint(1, 2), hung_after=hung)
