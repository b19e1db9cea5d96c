from collections.abc import AsyncGenerator
from pathlib import Path
from random import Random

import pytest
import trio
from trio.testing import MockClock

from peppy.schema import keys
from peppy.testing.stack.inhabitants import inhabited
from peppy.testing.stack.network import EmbeddedNetwork
from tests.testing.stack.made_inhabitants import CORE, START, Node, inhabit, write_lamp

ROBOT = Path(__file__).parents[3] / "examples" / "robot"

ON_EACH = pytest.mark.parametrize("loop", ["asyncio", "trio"])

SETUP = {
    "asyncio": "async def setup(params: Parameters, node_runner: NodeRunner):\n    import anyio",
    "trio": "async def setup(params: Parameters, node_runner: NodeRunner, nursery):\n"
    "    import anyio",
}


@pytest.fixture
async def network() -> AsyncGenerator[EmbeddedNetwork]:
    with inhabited():
        yield EmbeddedNetwork(Random(7))


def lamp(network: EmbeddedNetwork, directory: Path, code: str, seed: str = "7") -> Node:
    write_lamp(directory, code)
    return inhabit(network, directory, seed=seed)


async def test_the_five_nodes_of_the_robot_live_together(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    near = tuple(ROBOT / name for name in ("uvc_camera", "robot_arm", "arm_controller"))
    arguments = {"video_reconstruction": {"directory": str(tmp_path)}}
    names = ("robot_arm", "uvc_camera", "arm_controller", "brain", "video_reconstruction")
    nodes = {
        name: inhabit(network, ROBOT / name, f"the_{name}", arguments.get(name), near=near)
        for name in names
    }
    async with trio.open_nursery() as nursery:
        for node in nodes.values():
            nursery.start_soon(node.live)
        await trio.sleep(3)
        for node in nodes.values():
            node.terminate()
    assert {name: node.code for name, node in nodes.items()} == dict.fromkeys(names, 0)
    assert [node.err for node in nodes.values()] == [""] * len(names)
    assert "the_brain asks what there is to see" in nodes["uvc_camera"].out
    assert "pointing at -0.49: the arm is at -0.48" in nodes["brain"].out
    assert nodes["robot_arm"].out[-1] == "parked at [0.0, 0.0, 0.0]"
    assert (tmp_path / "reconstructed_video.y4m").is_file()


@ON_EACH
async def test_sigterm_ends_a_node_with_its_hooks(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path, loop: str
) -> None:
    node = lamp(
        network,
        tmp_path,
        f"""
{SETUP[loop]}
    async def off():
        await anyio.sleep(2)
        print("off")
    node_runner.on_shutdown(off)
    print("it shines", params.color)
""",
    )
    watch = network.transport("test").watch(keys.ready_pattern(CORE))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.live)
        assert (await watch.receive()).present
        began = trio.current_time()
        node.terminate()
    assert node.lines == [("stdout", "it shines red"), ("stdout", "off")]
    assert (node.code, trio.current_time() - began) == (0, 2)


@ON_EACH
async def test_what_setup_raises_is_printed_from_the_nodes_code_on(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path, loop: str
) -> None:
    node = lamp(network, tmp_path, f"{SETUP[loop]}\n    raise ValueError('no bulb')")
    await node.live()
    assert node.code == 1
    head = f'Traceback (most recent call last):\n  File "{tmp_path / "lamp.py"}", line 6, in setup'
    assert node.err.startswith(head)
    assert node.err.endswith("\nValueError: no bulb")


@pytest.mark.parametrize(
    ("code", "ends"),
    [
        ("import sys\nsys.exit(4)\nsetup = None", 4),
        ("import sys\nsys.exit('no bulb')\nsetup = None", 1),
        (f"{SETUP['asyncio']}\n    raise SystemExit(5)", 5),
        (f"{SETUP['trio']}\n    raise SystemExit(6)", 6),
        ("setup = 1 / 0", 1),
    ],
)
async def test_a_node_ends_with_the_code_that_a_process_of_its_own_has(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path, code: str, ends: int
) -> None:
    node = lamp(network, tmp_path, code)
    await node.live()
    assert node.code == ends
    assert ("no bulb" in node.err.splitlines()) == ("no bulb" in code)


@ON_EACH
async def test_a_node_that_is_killed_is_gone_at_once_and_says_no_more(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path, loop: str
) -> None:
    node = lamp(
        network,
        tmp_path,
        f"""
{SETUP[loop]}
    async def off():
        from pathlib import Path
        Path(__file__).with_name("traces").touch()
    node_runner.on_shutdown(off)
    try:
        print("on", end="")
        await anyio.sleep(100)
    finally:
        print("cleaned up")
""",
    )
    others = network.transport("test")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.live)
        await trio.sleep(1)
        assert await others.present("**") != []
        began = trio.current_time()
        node.kill()
    assert trio.current_time() == began
    assert await others.present("**") == []
    await trio.sleep(10)
    assert node.lines == []
    assert not (tmp_path / "traces").exists()


@ON_EACH
async def test_a_node_that_is_killed_as_it_shuts_down_is_gone_at_once(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path, loop: str
) -> None:
    node = lamp(
        network,
        tmp_path,
        f"""
{SETUP[loop]}
    async def off():
        print("going off")
        await anyio.sleep(2)
        print("off")
    node_runner.on_shutdown(lambda: print("never"))
    node_runner.on_shutdown(off)
""",
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.live)
        await trio.sleep(1)
        node.terminate()
        await trio.sleep(1)
        node.kill()
    await trio.sleep(10)
    assert node.out == ["going off"]


async def test_a_node_on_asyncio_that_hangs_stands_still(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    node = lamp(
        network,
        tmp_path,
        f"""
import time
{SETUP["asyncio"]}
    for _ in range(4):
        await anyio.sleep(1)
        print(f"{{time.monotonic():g}}")
""",
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.live)
        await trio.sleep(2.5)
        node.inhabitant.freeze()
        await trio.sleep(5)
        assert node.out == ["1", "2"]
        node.inhabitant.thaw()
        await trio.sleep(5)
        node.terminate()
    assert node.out == ["1", "2", "7.5", "8.5"]


async def test_a_nodes_clock_is_the_machines_and_its_chance_the_seeds(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    code = f"""
import random
import time
{SETUP["asyncio"]}
    await anyio.sleep(3)
    print(time.time(), random.random())
    raise SystemExit
"""
    seen: list[list[str]] = []
    for seed in ("7/1", "7/1", "7/2"):
        began = trio.current_time()
        node = lamp(network, tmp_path, code, seed=seed)
        await node.live()
        seen.append(node.out)
        assert node.out[0].split()[0] == str(START + 3)
        assert trio.current_time() - began == 3
    assert seen[0] == seen[1] != seen[2]


async def test_a_sleep_that_would_hold_up_all_takes_no_time_and_is_named_once(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    node = lamp(
        network,
        tmp_path,
        f"""
import asyncio
import time
{SETUP["asyncio"]}
    time.sleep(100)
    time.sleep(100)
    print(time.monotonic())
    await asyncio.to_thread(time.sleep, 100)
    print(time.monotonic())
    raise SystemExit
""",
    )
    await node.live()
    assert node.err.count("time.sleep") == 1
    assert node.out == ["0.0", "100.0"]


async def test_a_library_that_this_process_does_not_have_is_named(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    node = lamp(network, tmp_path, "import no_such_library.inner\nsetup = None")
    await node.live()
    assert node.code == 1
    assert "imports 'no_such_library', which this process does not have" in node.err
    assert "process of its own" in node.err


async def test_a_program_that_runs_no_node_is_refused(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    write_lamp(tmp_path, "setup = None")
    (tmp_path / "lamp.py").write_text("print('hello')\n")
    node = inhabit(network, tmp_path)
    await node.live()
    assert node.out == ["hello"]
    assert node.err.startswith("error: the node in")
    assert "without a call of 'NodeBuilder().run(setup)'" in node.err


async def test_a_builder_without_bindings_of_its_own_takes_the_nodes(
    autojump_clock: MockClock, network: EmbeddedNetwork, tmp_path: Path
) -> None:
    node = lamp(
        network,
        tmp_path,
        """
from peppylib import NodeBuilder
def setup(params, node_runner):
    print(node_runner.node_name(), params)
    raise SystemExit
""",
    )
    await node.live()
    assert node.out == ["lamp Parameters(color='red')"]
