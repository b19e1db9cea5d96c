"""What may happen to one stack, all of it drawn from one number: faults, requests, bad networks.

A schedule is a list of steps, each a sentence. It is drawn before anything of it happens, so that
leaving one step out changes no other.
"""

from collections.abc import Collection, Sequence
from random import Random
from typing import Final

import msgspec

from peppy.testing.stack.conditions import Conditions

FAULTS: Final = ("crash", "hang", "daemon", "disk", "network", "reboot")
"""What a stack has to bear, by the names that `--faults` takes."""

AWAY: Final = (0.0, 0.0, 0.5, 2.0, 8.0)
"""Seconds without a daemon."""

MOST_STEPS: Final = 40
"""Durable ones, after the last of which a daemon that is to be killed at one is killed."""

MANY: Final = (1, 1, 2, 3, 5, 8)
"""Faults, and requests, of one schedule."""

PATIENT: Final = 400.0
"""Seconds in which every request is answered once all is healed, whatever went on before."""

GOALS_EVERY: Final = 4.0
"""Seconds for each of which one call or goal of the test is drawn, on average."""


class Step(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something that happens `at` so many seconds after the beginning."""

    at: float


class Crash(Step, frozen=True, kw_only=True):
    """An instance is gone."""

    instance: str

    def __str__(self) -> str:
        return f"'{self.instance}' crashes"


class Hang(Step, frozen=True, kw_only=True):
    """An instance stands still."""

    instance: str
    seconds: float

    def __str__(self) -> str:
        return f"'{self.instance}' hangs for {self.seconds:g} s"


class KillDaemon(Step, frozen=True, kw_only=True):
    """The daemon is gone, at once or at a durable step."""

    step: int | None
    after: bool
    away: float

    def __str__(self) -> str:
        when = "" if self.step is None else f" {self._side} durable step {self.step} from then on"
        return f"the daemon is killed{when}, and away for {self.away:g} s"

    @property
    def _side(self) -> str:
        return "after" if self.after else "before"


class Reboot(Step, frozen=True, kw_only=True):
    """The machine is started anew."""

    away: float

    def __str__(self) -> str:
        return f"the machine reboots, and is away for {self.away:g} s"


class FillDisk(Step, frozen=True, kw_only=True):
    """The disk takes nothing."""

    seconds: float

    def __str__(self) -> str:
        return f"the disk is full for {self.seconds:g} s"


class Weather(Step, frozen=True, kw_only=True):
    """The network is bad."""

    conditions: Conditions
    seconds: float

    def __str__(self) -> str:
        c = self.conditions
        return (
            f"the network has latencies of {c.latency[0]:g} to {c.latency[1]:g} s, loss {c.loss:g},"
            f" duplication {c.duplication:g}, disorder {c.reordering:g} for {self.seconds:g} s"
        )


class Part(Step, frozen=True, kw_only=True):
    """Some are parted from all others."""

    group: tuple[str, ...]
    others: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        names = ", ".join(f"'{name}'" for name in self.group)
        return f"{names}: parted from all others for {self.seconds:g} s"


class Order(Step, frozen=True, kw_only=True):
    """Somebody asks the daemon for something, and may leave before there is an answer."""

    verb: str
    """`stop`, `start`, `restart`; of all: `launch`, `restart_stack`, `cancel_launch`."""
    instance: str | None = None
    patience: float = PATIENT
    """Seconds after which whoever asked is gone."""

    def __str__(self) -> str:
        what = self.verb.replace("_", " ") if self.instance is None else f"{self.verb} "
        whom = "" if self.instance is None else f"'{self.instance}'"
        leaves = "" if self.patience == PATIENT else f", and who asks leaves in {self.patience:g} s"
        return f"somebody asks to {what}{whom}{leaves}"


class Call(Step, frozen=True, kw_only=True):
    """The test calls a service, or sends a goal and waits for its end."""

    which: float
    """Which service or action, of all that there are, from 0 to 1."""
    values: int
    """What the values of the request are drawn from."""
    timeout: float
    cancel_after: float | None
    """Seconds after which a goal is cancelled."""

    def __str__(self) -> str:
        cancelled = (
            "" if self.cancel_after is None else f", cancelled {self.cancel_after:g} s later"
        )
        return f"the test calls or sends a goal, with a time-out of {self.timeout:g} s{cancelled}"


Steps = Crash | Hang | KillDaemon | Reboot | FillDisk | Weather | Part | Order | Call


def sentences(schedule: Sequence[Steps]) -> list[str]:
    """Return a schedule as lines for people."""
    return [f"{step.at:7.3f} s  {step}" for step in schedule]


def draw(
    seed: int, instances: Sequence[str], seconds: float, faults: Collection[str] = FAULTS
) -> tuple[Steps, ...]:
    """Return what happens with this seed within `seconds`, to these instances, in its order."""
    chance = Random(f"{seed}/schedule")  # noqa: S311  # the same each time is what it is for
    return _Drawing(chance, tuple(sorted(instances)), seconds).schedule(
        [fault for fault in FAULTS if fault in faults]
    )


class _Drawing:
    def __init__(self, chance: Random, instances: tuple[str, ...], seconds: float) -> None:
        self._chance = chance
        self._instances = instances
        self._seconds = seconds

    def schedule(self, faults: Sequence[str]) -> tuple[Steps, ...]:
        chance = self._chance
        steps: list[Steps] = []
        if faults:
            drawn = chance.sample(list(faults), chance.randint(1, min(3, len(faults))))
            steps += [self._fault(chance.choice(drawn)) for _ in range(chance.choice(MANY))]
        steps += [self._order() for _ in range(chance.choice([0, *MANY]))]
        calls = chance.randint(0, max(1, int(self._seconds / GOALS_EVERY)))
        steps += [self._call() for _ in range(calls)]
        return tuple(sorted(steps, key=lambda step: step.at))

    def _at(self) -> float:
        """Return a moment; some fall on the same one, as what is planned does."""
        at = self._chance.uniform(0.0, 0.95 * self._seconds)
        return float(int(at)) if self._chance.random() < 0.3 else round(at, 3)

    def _lasts(self) -> float:
        return round(self._chance.choice([0.2, 1.0, 3.0, 8.0, 15.0]) * self._chance.random(), 3)

    def _someone(self) -> str:
        return self._chance.choice(self._instances)

    def _fault(self, kind: str) -> Steps:
        chance, at = self._chance, self._at()
        match kind:
            case "crash":
                return Crash(at=at, instance=self._someone())
            case "hang":
                return Hang(at=at, instance=self._someone(), seconds=self._lasts())
            case "daemon":
                step = chance.randint(1, MOST_STEPS) if chance.random() < 0.6 else None
                after = chance.random() < 0.5
                return KillDaemon(at=at, step=step, after=after, away=chance.choice(AWAY))
            case "reboot":
                return Reboot(at=at, away=1.0 + chance.choice(AWAY))
            case "disk":
                return FillDisk(at=at, seconds=self._lasts())
            case _:
                return self._weather(at) if chance.random() < 0.6 else self._part(at)

    def _weather(self, at: float) -> Weather:
        chance = self._chance
        shortest = chance.choice([0.0, 0.001, 0.02])
        return Weather(
            at=at,
            conditions=Conditions(
                latency=(shortest, shortest + chance.choice([0.0, 0.005, 0.1])),
                loss=chance.choice([0.0, 0.0, 0.02, 0.3]),
                duplication=chance.choice([0.0, 0.0, 0.05]),
                reordering=chance.choice([0.0, 0.0, 0.1]),
            ),
            seconds=self._lasts(),
        )

    def _part(self, at: float) -> Part:
        everybody = (*self._instances, "daemon", "test")
        group = self._chance.sample(everybody, self._chance.randint(1, len(everybody) // 2))
        others = tuple(name for name in everybody if name not in group)
        return Part(at=at, group=tuple(group), others=others, seconds=self._lasts())

    def _order(self) -> Order:
        chance, at = self._chance, self._at()
        patience = PATIENT if chance.random() < 0.8 else chance.choice([0.0, 0.01, 0.5, 3.0])
        verbs = ("stop", "start", "restart", "launch", "restart_stack", "cancel_launch")
        verb = chance.choices(verbs, weights=[5, 5, 3, 2, 1, 0.5])[0]
        instance = self._someone() if verb in {"stop", "start", "restart"} else None
        return Order(at=at, verb=verb, instance=instance, patience=patience)

    def _call(self) -> Call:
        chance = self._chance
        return Call(
            at=self._at(),
            which=chance.random(),
            values=chance.getrandbits(32),
            timeout=chance.choice([0.2, 1.0, 3.0]),
            cancel_after=chance.choice([None, None, 0.0, 0.5]),
        )
