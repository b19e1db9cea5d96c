"""`peppy stack launch` as a person types it, with real processes: to its end, or not that far."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_robustness import (
    DEPENDS,
    HEARS,
    LISTEN,
    NEWS,
    TALK,
    alive,
    daemon_pid,
    instances,
    make,
    refused,
    scratch,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

WAITS = """
import asyncio, os, sys
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

async def setup(params, node_runner):
    print("setting up", flush=True)
    while not os.path.exists({go!r}):
        await asyncio.sleep(0.05)
    return []

NodeBuilder().run(setup)
"""

STUBBORN = "await asyncio.sleep(1)"


def launch_file(peppy: Peppy, name: str, nodes: dict[str, list[str]]) -> Path:
    """Write a launch file for these nodes of the work directory, with these instances."""
    deployments = [
        {"source": {"local": f"./{node}"}, "instances": [{"instance_id": i} for i in ids]}
        for node, ids in nodes.items()
    ]
    path = peppy.work / f"{name}.json5"
    path.write_text(json.dumps({"peppy_schema": "launcher_v1", "deployments": deployments}))
    return path


def waiting_build(peppy: Peppy) -> Path:
    """Return a build that goes on until the file `go` is there."""
    script = peppy.work / "build.sh"
    script.write_text(
        f"#!/bin/sh\necho compiling\nwhile [ ! -e {peppy.work / 'go'} ]; do sleep 0.05; done\n"
    )
    script.chmod(0o755)
    return script


@pytest.fixture
def old(peppy: Peppy) -> Any:
    """A stack that runs already: one instance, which takes its time to stop."""
    make(peppy, "lamp", cleanup=STUBBORN)
    peppy("stack", "launch", str(launch_file(peppy, "old", {"lamp": ["hall"]})))
    return instances(peppy)["hall"]


def until_line(process: "subprocess.Popen[str]", words: str) -> None:
    """Read what the command says until `words` are in it."""
    assert process.stderr is not None
    said: list[str] = []
    while words not in (line := process.stderr.readline()):
        assert line, said
        said.append(line)


def builds(peppy: Peppy) -> Path:
    """Write a launch whose one node is built until `go` is there; return its file."""
    make(peppy, "slow", build=str(waiting_build(peppy)))
    return launch_file(peppy, "new", {"slow": ["one"]})


def starts(peppy: Peppy) -> Path:
    """Write a launch whose one instance sets up until `go` is there; return its file."""
    node = make(peppy, "slow")
    (node / "program.py").write_text(WAITS.format(go=str(peppy.work / "go")))
    return launch_file(peppy, "new", {"slow": ["one"]})


def end(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    return process.returncode, out, err


def test_a_launch_brings_up_everything_in_order(peppy: Peppy) -> None:
    make(peppy, "talker", work=TALK, interfaces=NEWS)
    make(peppy, "listener", work=LISTEN, interfaces=HEARS, manifest=DEPENDS)
    file = launch_file(peppy, "robot", {"listener": ["ear", "other_ear"], "talker": ["mouth"]})
    planned = peppy.json("stack", "launch", str(file), "--dry-run")
    assert [(node["node"]["name"], node["wave"]) for node in planned["nodes"]] == [
        ("talker", 0),
        ("listener", 1),
    ]
    assert instances(peppy) == {}
    done = peppy.try_("stack", "launch", str(file))
    assert done.returncode == 0, done.stderr
    assert "Applied the launch configuration" in done.stdout
    assert done.stderr.index("'mouth' runs") < done.stderr.index("starting 'ear'")
    assert {view["state"] for view in instances(peppy).values()} == {"running"}
    wait_until(lambda: peppy.home.name in peppy.log_of("ear"), "what the mouth says")
    down = peppy.json("stack", "down", "--yes")
    assert down["stopped"][-1] == "mouth"
    assert len(peppy.json("stack", "list")["nodes"]) == 1


def test_where_nobody_can_agree_a_stack_is_not_replaced(peppy: Peppy, old: Any) -> None:
    file = starts(peppy)
    for words in (("launch", str(file)), ("down",), ("restart",)):
        assert "--yes" in refused(peppy.try_("stack", *words))
    assert instances(peppy)["hall"]["pid"] == old["pid"]


def test_a_restart_starts_the_same_instances_anew(peppy: Peppy, old: Any) -> None:
    assert "Restarted 1 instance" in peppy("stack", "restart", "--yes")
    again = instances(peppy)["hall"]
    assert again["state"] == "running"
    assert again["pid"] != old["pid"]


@pytest.mark.parametrize("leave", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_leaves_while_nodes_are_built_has_touched_nothing(
    peppy: Peppy, old: Any, leave: signal.Signals
) -> None:
    process = peppy.start("stack", "launch", str(builds(peppy)), "--yes")
    until_line(process, "slow:v1: building")
    wait_until(lambda: scratch(peppy) and is_building(peppy), "the build")
    process.send_signal(leave)
    code, _, err = end(process)
    assert code == (130 if leave is signal.SIGINT else -leave)
    if leave is signal.SIGINT:
        assert "Error: the launch was cancelled; the stack is as it was" in err
    wait_until(lambda: not is_building(peppy), "the end of the build")
    assert instances(peppy)["hall"]["pid"] == old["pid"]
    wait_until(lambda: "slow" not in " ".join(os.listdir(peppy.home / "built_nodes")), "tidiness")
    (peppy.work / "go").touch()
    peppy("stack", "launch", str(peppy.work / "new.json5"), "--yes")
    assert list(instances(peppy)) == ["one"]


def is_building(peppy: Peppy) -> bool:
    def command(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            return ""

    return any("build.sh" in command(pid) for pid in peppy.processes())


@pytest.mark.parametrize("leave", [signal.SIGINT, signal.SIGKILL])
def test_who_leaves_while_instances_start_gets_the_former_stack_back(
    peppy: Peppy, old: Any, leave: signal.Signals
) -> None:
    process = peppy.start("stack", "launch", str(starts(peppy)), "--yes")
    until_line(process, "starting 'one'")
    wait_until(lambda: "setting up" in peppy.log_of("one"), "the start")
    assert not alive(old["pid"])
    process.send_signal(leave)
    code, _, err = end(process)
    if leave is signal.SIGINT:
        assert code == 130
        assert "the stack before was brought back" in err
        assert list(instances(peppy)) == ["hall"]
    back = wait_until(lambda: instances(peppy).get("hall"), "the former stack", 40)
    wait_until(lambda: instances(peppy)["hall"]["state"] == "running", "the former instance")
    assert back["pid"] != old["pid"]
    assert "one" not in instances(peppy)


@pytest.mark.parametrize("leave", [signal.SIGINT, signal.SIGKILL])
def test_who_leaves_while_a_source_is_fetched_has_touched_nothing(
    peppy: Peppy, old: Any, endless: str, leave: signal.Signals
) -> None:
    source = {"url": f"{endless}/slow.tar.zst", "sha256": "0" * 64}
    file = peppy.work / "new.json5"
    file.write_text(json.dumps({"deployments": [{"source": source, "instances": [{}]}]}))
    process = peppy.start("stack", "launch", str(file), "--yes")
    until_line(process, "slow.tar.zst")
    process.send_signal(leave)
    code, _, err = end(process)
    if leave is signal.SIGINT:
        assert code == 130
        assert "Error: the launch was cancelled; the stack is as it was" in err
    assert instances(peppy)["hall"]["pid"] == old["pid"]
    wait_until(lambda: peppy.try_("stack", "down", "--yes").returncode == 0, "the end of it")


@pytest.fixture
def endless() -> Iterator[str]:
    """The address of a server whose files never come to their end."""
    over = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while not over.wait(0.05):
                    self.wfile.write(b"\x28\xb5\x2f\xfd")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        over.set()
        server.shutdown()
        thread.join()


def kill_daemon(peppy: Peppy) -> None:
    pid = daemon_pid(peppy)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid), "the daemon's end")


def test_a_daemon_killed_during_a_build_leaves_the_stack_as_it_was(peppy: Peppy, old: Any) -> None:
    process = peppy.start("stack", "launch", str(builds(peppy)), "--yes")
    until_line(process, "slow:v1: building")
    kill_daemon(peppy)
    code, _, err = end(process)
    assert code == 1
    assert "Error: the peppy daemon went away before it answered" in err
    assert {name: view["pid"] for name, view in instances(peppy).items()} == {"hall": old["pid"]}
    wait_until(lambda: not is_building(peppy), "the end of the build")


def test_the_daemon_after_one_that_was_killed_brings_the_former_stack_back(
    peppy: Peppy, old: Any
) -> None:
    process = peppy.start("stack", "launch", str(starts(peppy)), "--yes")
    until_line(process, "starting 'one'")
    kill_daemon(peppy)
    assert end(process)[0] == 1
    wait_until(
        lambda: instances(peppy).get("hall", {}).get("state") == "running", "the former stack", 40
    )
    assert list(instances(peppy)) == ["hall"]
    assert instances(peppy)["hall"]["pid"] != old["pid"]


def test_ctrl_c_while_the_former_stack_stops_brings_it_back(peppy: Peppy, old: Any) -> None:
    process = peppy.start("stack", "launch", str(starts(peppy)), "--yes")
    until_line(process, "Stopping 1 instance")
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert code == 130
    assert "the stack before was brought back" in err
    assert instances(peppy)["hall"]["pid"] != old["pid"]


def test_a_second_ctrl_c_leaves_at_once_and_the_daemon_goes_back_alone(
    peppy: Peppy, old: Any
) -> None:
    process = peppy.start("stack", "launch", str(starts(peppy)), "--yes")
    until_line(process, "Stopping 1 instance")
    process.send_signal(signal.SIGINT)
    until_line(process, "Cancelling the launch")
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert time.monotonic() - begun < 1.5
    assert (code, err.splitlines()[-1]) == (130, "interrupted")
    wait_until(
        lambda: instances(peppy).get("hall", {}).get("state") == "running", "the former stack", 40
    )
    assert instances(peppy)["hall"]["pid"] != old["pid"]


def test_of_two_launches_at_once_the_second_is_refused_and_the_first_goes_on(
    peppy: Peppy,
) -> None:
    file = builds(peppy)
    first = peppy.start("stack", "launch", str(file))
    until_line(first, "slow:v1: building")
    assert "is being changed, by a launch" in refused(peppy.try_("stack", "launch", str(file)))
    (peppy.work / "go").touch()
    code, out, _ = end(first)
    assert code == 0
    assert "1 node, 1 instance, 1 built" in out


WRONG = {
    "{ deployments: [ }": "1:",
    "{}": "deployments",
    '{ deployments: [{ source: { local: "./lamp" } }] }': "instances",
    '{ deployments: [{ source: { local: "./nope" }, instances: [{}] }] }': "nope",
    '{ deployments: [{ source: { local: "./lamp" }, instances: [{ rate: 3 }] }] }': "rate",
    '{ peppy_schema: "node_v1", manifest: { name: "a", tag: "v1" } }': "node",
    "\x00": "1:",
}
"""Launch files, and a word of what is said of each."""


def test_a_wrong_file_is_refused_with_its_place_and_nothing_is_touched(
    peppy: Peppy, old: Any
) -> None:
    file = peppy.work / "wrong.json5"
    for text, said in WRONG.items():
        file.write_text(text)
        for words in (("launch", "--yes"), ("launch", "--dry-run"), ("lock",)):
            err = refused(peppy.try_("stack", *words, str(file)))
            assert "wrong.json5" in err
            assert said in err
    assert not list(peppy.work.glob("*.lock.json5"))
    assert instances(peppy)["hall"]["pid"] == old["pid"]
