import gc
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
import trio

from peppy.runtime.outlet import Outlet
from peppy.runtime.transport.port import Backlog, Delivery, Sample
from peppy.schema import envelope
from peppy.testing.stack.embedded import embedded_stack
from peppy.testing.stack.network import Conditions, EmbeddedNetwork
from peppy.testing.stack.seeds import run_seeded, stamped_virtually

ROOT = Path(__file__).parents[3]
ROBOT = ROOT / "examples" / "robot" / "peppy_launcher.json5"
ROUGH = Conditions(latency=(0.001, 0.02), loss=0.1, duplication=0.1, reordering=0.1)
EPOCH = 1_700_000_000.0


class Busy:
    """Ten who talk, time out and are cancelled, all of them in the same moments."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.trace: list[str] = []
        self.network = EmbeddedNetwork(random, ROUGH)
        self.scopes: dict[int, trio.CancelScope] = {}

    def note(self, text: str) -> None:
        self.trace.append(f"{trio.current_time():.6f} {text}")

    async def live(self) -> list[str]:
        with trio.move_on_after(6):
            async with trio.open_nursery() as nursery:
                for number in range(10):
                    nursery.start_soon(self._keep_alive, number)
                nursery.start_soon(self._cancel_some)
        return self.trace

    async def _keep_alive(self, number: int) -> None:
        while True:
            with trio.move_on_after(self.random.choice([1, 2, 3])) as self.scopes[number]:
                await self._talk(number)
            self.note(f"{number} begins again")

    async def _cancel_some(self) -> None:
        while True:
            await trio.sleep(1)
            for number in self.random.sample(range(10), 3):
                self.scopes[number].cancel()

    async def _talk(self, number: int) -> None:
        transport = self.network.transport(str(number))
        delivery = self.random.choice(list(Delivery))
        publisher = transport.publisher(f"k/{number}", delivery)
        ring = transport.subscribe(f"k/{(number + 1) % 10}")
        transport.listen(f"k/{(number + 2) % 10}", self._heard)
        try:
            async with trio.open_nursery() as nursery:
                for task in range(3):
                    nursery.start_soon(self._take, ring, f"{number}.{task}")
                while True:
                    publisher.put(b"%d" % self.random.randrange(1000))
                    await trio.sleep(0.25)
        finally:
            self.note(f"{number} is cancelled")
            self.network.sever(str(number))

    def _heard(self, sample: Sample) -> None:
        self.note(f"{sample.key} {sample.payload!r}")

    async def _take(self, ring: Backlog[Sample], name: str) -> None:
        try:
            while True:
                self.note(f"{name} took {(await ring.receive()).payload!r}")
        finally:
            self.note(f"{name} is over")


def busy(seed: int) -> list[str]:
    async def main() -> list[str]:
        return await Busy(Random(seed)).live()

    return run_seeded(main, seed)


def robot(seed: int, video: Path) -> str:
    """Return the trace of the example robot on a bad day."""

    async def main() -> str:
        how = {"the_memory": {"directory": str(video)}}
        async with embedded_stack(ROBOT, seed=seed, conditions=ROUGH, arguments=how) as stack:
            await trio.sleep(1)
            await stack.faults.crash("camera_front")
            await stack.faults.hang("the_brain", 5)
            await trio.sleep(5)
            await stack.faults.kill_daemon()
            await trio.sleep(5)
        return stack.trace.text()

    return run_seeded(main, seed)


def test_a_seed_is_the_same_run_each_time_and_another_is_another() -> None:
    first = busy(1)
    assert len(first) > 300
    assert busy(1) == first
    assert busy(2) != first


def test_what_fails_says_which_seed_has_it_fail_again() -> None:
    async def main() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong") as failure:
        run_seeded(main, 4711)
    assert "this is seed 4711" in failure.value.__notes__[0]
    assert gc.isenabled()


def test_messages_are_stamped_with_virtual_time_and_publishers_numbered_by_the_seed() -> None:
    async def sent() -> list[envelope.Envelope | None]:
        found: list[envelope.Envelope | None] = []
        with stamped_virtually(7, EPOCH):
            transport = EmbeddedNetwork(Random(7)).transport("a")
            transport.listen("k", lambda sample: found.append(envelope.unpack(sample.attachment)))
            outlet = Outlet("k", transport.publisher("k"), 1, lambda: (b"", b""))
            await outlet.send()
            await trio.sleep(2.5)
            await outlet.send()
        return found

    first, second = run_seeded(sent, 7)
    assert first is not None
    assert second is not None
    assert second.sent_at - first.sent_at == 2_500_000_000
    assert first.sent_at == EPOCH * 10**9
    assert run_seeded(sent, 7) == [first, second]


def fingerprint(video: Path) -> str:
    """Return what stands for all that happens, in any process."""
    seen = [busy(1), robot(1, video)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


@pytest.mark.e2e
def test_a_seed_is_the_same_run_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from tests.testing.stack.test_seeds import fingerprint;"
        "print(fingerprint(pathlib.Path(sys.argv[1])))"
    )
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": number},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in ("1", "2")
    ]
    seen = {other.communicate()[0].strip() for other in others}
    assert [other.returncode for other in others] == [0, 0]
    assert len(seen) == 1
