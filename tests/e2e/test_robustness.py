"""Wrong input, hostile programs and sudden deaths: what a person sees, and what is left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

# The nodes here run from their bindings as they lie there: what uv does is not in question.
PROGRAM = """
import asyncio, os, signal, subprocess, sys, time
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

async def work(node_runner):
    try:
        {work}
        await asyncio.sleep(1000)
    finally:
        {cleanup}

async def setup(params, node_runner):
    print(params, flush=True)
    return [asyncio.create_task(work(node_runner))]

NodeBuilder().run(setup)
"""

TALK = """while True:
            from peppygen.emitted_topics import news
            await news.emit(node_runner, os.environ["PEPPY_HOME"])
            await asyncio.sleep(0.05)"""

LISTEN = """while True:
            from peppygen.consumed_topics import talker_news
            print(*await talker_news.on_next_message_received(node_runner), flush=True)"""

NEWS = """topics: { emits: [
    { name: "news", qos_profile: "reliable", message_format: { text: "string" } },
] }"""

HEARS = 'topics: { consumes: [ { local_node_id: "talker", name: "news" } ] }'

DEPENDS = 'depends_on: { nodes: [ { name: "talker", tag: "v1", local_id: "talker" } ] }'

NESTED = """
    name: "string",
    video: { rate: "u16", size: { width: "u16" } },
    greeting: { $type: "string", $default: "hello" },
"""


def make(
    peppy: Peppy,
    name: str,
    *,
    work: str = "pass",
    cleanup: str = "pass",
    run: tuple[str, ...] = (sys.executable, "program.py"),
    build: str | None = None,
    parameters: str = "",
    interfaces: str = "",
    manifest: str = "",
) -> Path:
    """Write a node's directory; `build` is a shell's command line."""
    directory = peppy.work / name
    directory.mkdir()
    build_cmd = "" if build is None else f"build_cmd: {json.dumps([build])},"
    (directory / "peppy.json5").write_text(f"""{{
        peppy_schema: "node_v1",
        manifest: {{ name: "{name}", tag: "v1", {manifest} }},
        interfaces: {{ {interfaces} }},
        execution: {{
            language: "python",
            parameters: {{ {parameters} }},
            {build_cmd}
            run_cmd: {json.dumps(run)},
        }},
    }}""")
    (directory / "program.py").write_text(PROGRAM.format(work=work, cleanup=cleanup))
    return directory


def refused(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """Return what a command that had to fail said: a sentence, and no trace of its insides."""
    assert done.returncode == code, (done.args, done.stdout, done.stderr)
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(r"^Error: \S", done.stderr, re.MULTILINE), done.stderr
    return done.stderr


def instances(peppy: Peppy) -> dict[str, Any]:
    """Return every instance but the daemon's own, by its id."""
    rows = peppy.json("stack", "list")["nodes"]
    return {
        view["instance_id"]: view
        for row in rows
        if row["stage"] != "Root"
        for view in row["instances"]
    }


def alive(pid: int) -> bool:
    """Say whether a process is there and not just waiting for its parent to look."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def daemon_pid(peppy: Peppy) -> int:
    """Return the pid of the daemon, which is started if need be."""
    pid: int = peppy.json("info")["pid"]
    return pid


def all_gone(peppy: Peppy, seconds: float = 20.0) -> None:
    """Wait until no process of this home is left."""
    wait_until(lambda: not peppy.processes(), "the end of every process", seconds)


def scratch(peppy: Peppy) -> list[str]:
    """Return what lies where builds and instances keep their files."""
    return [
        str(path)
        for folder in ("tmp", "instances", "runtime")
        for path in (peppy.home / folder).iterdir()
    ]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Peppy]:
    """A second home on the same machine."""
    work = tmp_path / "other_work"
    work.mkdir()
    command = Peppy(tmp_path / "other_home", work)
    yield command
    command.try_("service", "stop")
    all_gone(command, 30)


# What a person mistypes.


@pytest.mark.parametrize(
    "line",
    [
        "nope",
        "node nope",
        "node build",
        "node build no_tag",
        "node build ../..:v1",
        "node init",
        "node init a b",
        "node init a --toolchain make",
        "node run x:v1 --idle-timeout soon",
        "node run x:v1 --idle-timeout -1",
        "node run x:v1 --max-timeout nan",
        "node run x:v1 -i ../x",
        "node run x:v1 words",
        "node run x:v1 =3",
        "node stop ../x",
        "stack list --nope",
        "service nope",
    ],
)
def test_a_command_line_without_sense_is_a_usage_error_and_starts_no_daemon(
    peppy: Peppy, line: str
) -> None:
    refused(peppy.try_(*line.split()), code=2)
    done = peppy.try_(*line.split(), "--json")
    assert (done.returncode, done.stderr) == (2, "")
    assert json.loads(done.stdout)["error"]["kind"] == "usage"
    assert not peppy.home.exists()


def test_what_the_daemon_refuses_is_one_sentence_and_one_json_document(peppy: Peppy) -> None:
    (peppy.work / "empty").mkdir()
    for line in (
        "node add empty",
        "node add nowhere",
        "node sync nowhere",
        "node build x:v1",
        "node run x:v1",
        "node remove x:v1",
        "node remove x:v1 --stop-instances",
        "node info x:v1",
        "node stop nobody",
        "node init 1st",
        "node init empty",
        "stack list nowhere/graph.dot",
    ):
        refused(peppy.try_(*line.split()))
        done = peppy.try_(*line.split(), "--json")
        assert done.returncode == 1, line
        error = json.loads(done.stdout)["error"]
        assert error["sentence"], line
        assert "bug" not in error["kind"], line


def test_every_mistake_in_a_document_is_shown_at_its_place(peppy: Peppy) -> None:
    directory = make(peppy, "many", parameters='a: "u33", b: { c: "strin" },', run=())
    said = refused(peppy.try_("node", "add", str(directory)))
    assert f"3 problems in {directory}/peppy.json5" in said
    assert re.search(r"^ +7:\d+ +execution\.parameters\.a +'u33' .*'u32'", said, re.MULTILINE)
    assert re.search(r"^ +7:\d+ +execution\.parameters\.b\.c +'strin' ", said, re.MULTILINE)
    assert re.search(r"^ +9:\d+ +execution\.run_cmd +is empty", said, re.MULTILINE)
    done = peppy.try_("node", "add", str(directory), "--json")
    error = json.loads(done.stdout)["error"]
    assert [problem["line"] for problem in error["problems"]] == [7, 7, 9]


@pytest.mark.parametrize("kind", ["pipe", "device", "ring", "directory", "noise", "depth"])
def test_a_document_that_cannot_be_read_holds_nobody_up(peppy: Peppy, kind: str) -> None:
    directory = peppy.work / "bad"
    directory.mkdir()
    document = directory / "peppy.json5"
    match kind:
        case "pipe":
            os.mkfifo(document)
        case "device":
            document.symlink_to("/dev/zero")
        case "ring":
            document.symlink_to(document)
        case "directory":
            document.mkdir()
        case "noise":
            document.write_bytes(bytes(range(256)) * 400)
        case _:
            document.write_text("[" * 100_000)
    begun = time.monotonic()
    assert str(document) in refused(peppy.try_("node", "add", "bad"))
    assert str(document) in refused(peppy.try_("node", "sync", "bad"))
    peppy("service", "stop")
    assert time.monotonic() - begun < 15


def test_a_snapshot_holds_no_links_no_pipes_and_not_the_home_itself(peppy: Peppy) -> None:
    directory = make(peppy, "odd")
    os.mkfifo(directory / "pipe")
    (directory / "root").symlink_to("/")
    inside = Peppy(directory / "home", peppy.work)
    try:
        inside("node", "add", "-r", str(directory))
        (snapshot,) = (path for path in (inside.home / "built_nodes").glob("odd_v1_*"))
        assert {"peppy.json5", "program.py"} <= {path.name for path in snapshot.iterdir()}
        assert not (snapshot / "pipe").exists()
        assert not (snapshot / "root").is_symlink()
        assert not list(snapshot.glob("home/built_nodes/odd_v1_*"))
    finally:
        inside.try_("service", "stop")
    all_gone(inside)


def test_a_node_may_lie_inside_the_home(peppy: Peppy) -> None:
    daemon_pid(peppy)
    directory = make(peppy, "guest").rename(peppy.home / "guest")
    peppy("node", "add", "-r", str(directory), "-i", "one")
    assert instances(peppy)["one"]["state"] == "running"
    peppy("service", "stop")
    assert instances(peppy) == {}
    assert (directory / "program.py").exists()


# Builds.


@pytest.mark.parametrize(
    ("command", "gist"),
    [
        ("echo fine; echo wrong >&2; exit 3", "exit code 3"),
        ("kill -9 $$", "signal SIGKILL"),
        ("/nowhere/tool", "exit code 127"),
        ("exec sleep 1000", "no output received for 1 s"),
        ("trap '' TERM INT; echo on; while :; do sleep 0.1; done", "no output received for 1 s"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    peppy: Peppy, command: str, gist: str
) -> None:
    make(peppy, "broken", build=command)
    daemon = daemon_pid(peppy)
    said = refused(peppy.try_("node", "add", "-b", "broken", "--idle-timeout", "1"))
    assert f"build of 'broken:v1' failed: {'' if 'output' in gist else chr(39)}" in said
    assert gist in said
    assert ("wrong" in said) == ("wrong" in command)
    wait_until(lambda: peppy.processes() == [daemon], "the end of the build's processes")
    wait_until(lambda: not scratch(peppy), "the end of the workspace")
    stages = {row["node"]["name"]: row["stage"] for row in peppy.json("stack", "list")["nodes"]}
    assert stages["broken"] == "Added"


def test_a_build_may_print_a_megabyte_in_one_line(peppy: Peppy) -> None:
    make(peppy, "loud", build=f"{sys.executable} -c \"print('x' * 2**20)\"")
    done = peppy.try_("node", "add", "-b", "loud")
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stderr.count("x" * 1000) > 1000
    (log,) = (peppy.home / "logs" / "build").iterdir()
    assert log.read_text().count("x") >= 2**20


def test_a_build_without_a_command_has_the_log_that_it_names(peppy: Peppy) -> None:
    make(peppy, "plain")
    log = Path(peppy.json("node", "add", "-b", "plain")["build"]["log"])
    assert "no build_cmd" in log.read_text()


def test_a_second_build_is_refused_and_ctrl_c_ends_the_first_whole(peppy: Peppy) -> None:
    waits = peppy.work / "waits"
    waits.touch()
    make(peppy, "slow", build=f"echo begun; while test -e {waits}; do sleep 0.1; done")
    peppy("node", "add", "slow")
    daemon = daemon_pid(peppy)
    first = peppy.start("node", "build", "slow:v1")
    assert first.stderr is not None
    wait_until(lambda: first.stderr and first.stderr.readline() == "begun\n", "its output")
    assert "already in progress" in refused(peppy.try_("node", "build", "slow:v1"))
    assert "Building stage" in refused(peppy.try_("node", "run", "slow:v1"))

    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=10)
    assert first.returncode == 130
    assert "Traceback" not in err
    wait_until(lambda: peppy.processes() == [daemon], "the end of the build's processes")
    wait_until(lambda: not scratch(peppy), "the end of the workspace")
    waits.unlink()
    peppy("node", "build", "slow:v1")


# Programs.


@pytest.mark.parametrize(
    ("program", "gist"),
    [
        ("echo the last words; exit 7", "exit code 7"),
        ("echo the last words >&2", "exit code 0"),
        ("echo the last words; kill -9 $$", "signal SIGKILL"),
        ("echo the last words; exec sleep 1000", "no output received for 2 s"),
    ],
)
def test_a_program_that_does_not_come_up_is_shown_with_its_last_words(
    peppy: Peppy, program: str, gist: str
) -> None:
    make(peppy, "short", run=("sh", "-c", program))
    daemon = daemon_pid(peppy)
    said = refused(peppy.try_("node", "add", "-r", "short", "-i", "one", "--idle-timeout", "2"))
    assert "instance 'one' did not start" in said
    assert gist in said
    assert "\n  the last words\n" in said
    wait_until(lambda: peppy.processes() == [daemon], "the end of the program")
    assert instances(peppy) == {}
    wait_until(lambda: not scratch(peppy), "the end of the workspace")


def test_a_program_that_is_not_there_is_named(peppy: Peppy) -> None:
    make(peppy, "absent", run=("no-such-program", "x"))
    said = refused(peppy.try_("node", "add", "-r", "absent"))
    assert "cannot start 'no-such-program': there is no such program" in said


def test_arguments_are_checked_all_at_once_and_typed_by_the_document(peppy: Peppy) -> None:
    make(peppy, "typed", parameters=NESTED)
    peppy("node", "add", "-b", "typed")
    run = ("node", "run", "typed:v1", "-i", "one")
    missing = refused(peppy.try_(*run))
    assert "3 parameters are missing: 'name', 'video.rate', 'video.size.width'" in missing
    wrong = refused(peppy.try_(*run, "name=x", "video.rate=-1", "video.sise=2", "nope=1"))
    for what in ("'video.rate' must be", "'video.sise'", "'nope' is not a parameter"):
        assert what in wrong
    peppy(*run, "name=42", "video.rate=30", "video.size.width=640")
    log = wait_until(lambda: "greeting=" in peppy.log_of("one") and peppy.log_of("one"), "a line")
    for what in ("name='42'", "rate=30", "width=640", "greeting='hello'"):
        assert what in log


def test_an_instance_that_crashes_later_is_listed_as_failed_until_it_is_stopped(
    peppy: Peppy,
) -> None:
    go = peppy.work / "go"
    crash = f"while not os.path.exists({str(go)!r}): await asyncio.sleep(0.05)\n        os._exit(3)"
    make(peppy, "fragile", work=crash)
    peppy("node", "add", "-r", "fragile", "-i", "one")
    go.touch()
    wait_until(lambda: instances(peppy)["one"]["state"] == "failed", "the failure")
    assert instances(peppy)["one"]["ended"] == "exit code 3"
    assert "1 failed" in peppy("stack", "list")
    assert "- one [failed" in peppy("node", "info", "fragile:v1")
    go.unlink()
    peppy("node", "stop", "one")
    assert instances(peppy) == {}
    peppy("node", "run", "fragile:v1", "-i", "one")


def test_running_instances_end_only_with_consent(peppy: Peppy) -> None:
    directory = make(peppy, "busy")
    peppy("node", "add", "-sr", ".", "-i", "one", cwd=directory)
    for line in ("node remove busy:v1", "node add ."):
        said = refused(peppy.try_(*line.split(), cwd=directory))
        assert "'one'" in said
        assert "--stop-instances" in said
    before = instances(peppy)["one"]["pid"]
    replaced = ("node", "add", "-sr", ".", "--stop-instances", "-i", "two")
    peppy(*replaced, cwd=directory)
    assert set(instances(peppy)) == {"two"}
    assert not alive(before)
    peppy("node", "remove", "busy:v1", "--stop-instances")
    assert [row["stage"] for row in peppy.json("stack", "list")["nodes"]] == ["Root"]


def test_what_an_instance_started_ends_with_it_even_in_a_session_of_its_own(peppy: Peppy) -> None:
    spawn = "echo $$; exec sleep 1000"
    child = f"subprocess.Popen(['setsid', '-f', 'sh', '-c', {spawn!r}], env={{'PATH': '/bin'}})"
    make(peppy, "parent", work=child)
    peppy("node", "add", "-r", "parent", "-i", "one")
    found = wait_until(
        lambda: re.search(r"\[stdout\] (\d+)$", peppy.log_of("one"), re.MULTILINE), "its pid"
    )
    grandchild = int(found[1])
    assert alive(grandchild)
    peppy("node", "stop", "one")
    wait_until(lambda: not alive(grandchild), "the end of the grandchild", 3)


@pytest.mark.thorough
def test_an_instance_that_ignores_every_request_is_killed_and_the_stop_says_so(
    peppy: Peppy,
) -> None:
    deaf = "await asyncio.sleep(1)\n        signal.signal(signal.SIGTERM, signal.SIG_IGN)\n        "
    deaf += "print('deaf', flush=True)\n        time.sleep(1000)"
    make(peppy, "stubborn", work=deaf)
    peppy("node", "add", "-r", "stubborn", "-i", "one")
    wait_until(lambda: "[stdout] deaf" in peppy.log_of("one"), "its deafness")
    pid = instances(peppy)["one"]["pid"]
    done = peppy.try_("node", "stop", "one")
    assert done.returncode == 0, done.stderr
    assert "kill" in (done.stdout + done.stderr).lower()
    assert not alive(pid)
    assert instances(peppy) == {}


# The daemon.


def test_sigterm_lets_every_instance_end_in_order(peppy: Peppy) -> None:
    make(peppy, "tidy", cleanup="print('cleaned', flush=True)")
    peppy("node", "add", "-r", "tidy", "-i", "one")
    os.kill(daemon_pid(peppy), signal.SIGTERM)
    all_gone(peppy)
    assert "[stdout] cleaned" in peppy.log_of("one")
    assert not (peppy.home / "daemon.sock").exists()


def test_a_second_ctrl_c_ends_the_daemon_at_once_and_nothing_stays(peppy: Peppy) -> None:
    daemon = peppy.start("service", "serve")
    assert daemon.stderr is not None
    assert "ready" in daemon.stderr.readline()
    make(peppy, "slow", cleanup="print('ending', flush=True); await asyncio.sleep(3)")
    peppy("node", "add", "-r", "slow", "-i", "one")
    daemon.send_signal(signal.SIGINT)
    wait_until(lambda: "[stdout] ending" in peppy.log_of("one"), "the first one's effect")
    begun = time.monotonic()
    daemon.send_signal(signal.SIGINT)
    _, err = daemon.communicate(timeout=10)
    assert time.monotonic() - begun < 2
    assert daemon.returncode == 130
    assert "Traceback" not in err
    all_gone(peppy)


def test_commands_that_race_to_start_the_daemon_meet_the_same_one(peppy: Peppy) -> None:
    commands = [peppy.start("info", "--json") for _ in range(5)]
    ended = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0] * 5, ended
    assert len({json.loads(out)["pid"] for out, _ in ended}) == 1
    assert sum("Started" in err for _, err in ended) == 1


def test_a_second_daemon_for_the_same_home_is_refused_by_the_first_ones_pid(peppy: Peppy) -> None:
    pid = daemon_pid(peppy)
    said = refused(peppy.try_("service", "serve"))
    assert f"pid {pid}" in said
    assert daemon_pid(peppy) == pid


def test_two_homes_share_neither_port_nor_messages(peppy: Peppy, other: Peppy) -> None:
    for one in (peppy, other):
        del one.environment["PEPPY_MESSAGING_PORT"]
        make(one, "talker", work=TALK, interfaces=NEWS)
        make(one, "listener", work=LISTEN, interfaces=HEARS, manifest=DEPENDS)
        one("node", "add", "-b", "talker")
        one("node", "add", "-r", "listener", "-i", "ear")
        one("node", "run", "talker:v1", "-i", "mouth")
    assert peppy.json("info")["messaging_port"] != other.json("info")["messaging_port"]
    for one in (peppy, other):
        wait_until(lambda o=one: o.log_of("ear").count(str(o.home)) > 10, "ten messages")
    assert str(other.home) not in peppy.log_of("ear")
    assert str(peppy.home) not in other.log_of("ear")


def test_a_port_that_is_taken_or_none_is_refused_in_a_sentence(peppy: Peppy) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for value in (port, "http", "0", "65536"):
            peppy.environment["PEPPY_MESSAGING_PORT"] = value
            assert value in refused(peppy.try_("service", "serve"))
        assert value in refused(peppy.try_("info"))
    peppy.environment["PEPPY_MESSAGING_PORT"] = port
    assert peppy.json("info")["messaging_port"] == int(port)
    del peppy.environment["PEPPY_MESSAGING_PORT"]


def test_what_a_dead_daemon_left_is_no_obstacle(peppy: Peppy) -> None:
    peppy.home.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(peppy.home / "daemon.sock"))
    (peppy.home / "daemon.lock").write_text(f"{os.getpid()}\n")
    (peppy.home / "daemon_state.json").write_text("{ half")
    assert refused(peppy.try_("service", "status"))
    assert peppy("service", "stop").strip() == "The peppy daemon does not run"
    done = peppy.try_("stack", "list")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"Started the peppy daemon \(pid \d+\)\n", done.stderr)


def test_a_home_may_have_a_longer_path_than_a_socket(tmp_path: Path) -> None:
    deep = Peppy(tmp_path / ("long" * 20) / ("longer" * 20), tmp_path)
    make(deep, "node")
    try:
        deep("node", "add", "-r", "node", "-i", "one")
        assert instances(deep)["one"]["state"] == "running"
    finally:
        deep.try_("service", "stop")
    all_gone(deep)


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "/dev/null/home"])
def test_a_home_that_cannot_be_made_is_named(tmp_path: Path, home: str) -> None:
    nowhere = Peppy(Path(home), tmp_path)
    assert home in refused(nowhere.try_("stack", "list"))
    assert home in refused(nowhere.try_("service", "serve"))


def test_a_full_disk_is_a_sentence_and_stops_no_instance(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    # With room enough for a start to be written down before the node has filled it.
    mount = ["mount", "-t", "tmpfs", "-o", "size=14m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    small = Peppy(disk / "home", tmp_path)
    try:
        make(small, "node", work="while True: print('x' * 100, flush=True); await asyncio.sleep(0)")
        small("node", "add", "-r", "node", "-i", "one")
        wait_until(lambda: os.statvfs(disk).f_bavail == 0, "a full disk")
        assert "no space left" in refused(small.try_("node", "add", "node", "--stop-instances"))
        assert "no space left" in refused(small.try_("node", "run", "node:v1"))
        assert instances(small)["one"]["state"] == "running"
        small("node", "stop", "one")
        small("service", "stop")
    finally:
        small.try_("service", "stop")
        all_gone(small)
        subprocess.run(["umount", str(disk)], check=True)


# Without the daemon, and at the end of a pipe.


def test_a_standalone_program_says_what_it_lacks_and_ends_on_ctrl_c(peppy: Peppy) -> None:
    whole = make(peppy, "whole", cleanup="print('cleaned', flush=True)")
    lacking = make(peppy, "lacking", parameters=NESTED)
    for directory in (whole, lacking):
        peppy("node", "sync", str(directory))
    peppy("service", "stop")
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=lacking,
        env=peppy.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert (
        "missing required parameter(s) for standalone mode: name, video."
        " Provide them via StandaloneConfig().with_parameters()"
    ) in done.stderr
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=whole, env=peppy.environment, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert b"Parameters" in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == b"cleaned\n"
    assert program.returncode == 0


def test_a_standalone_program_talks_to_the_stack(peppy: Peppy) -> None:
    talker = make(peppy, "talker", work=TALK, interfaces=NEWS)
    make(peppy, "listener", work=LISTEN, interfaces=HEARS, manifest=DEPENDS)
    peppy("node", "add", "talker")
    peppy("node", "add", "-r", "listener", "-i", "ear")
    with subprocess.Popen(
        [sys.executable, "program.py"], cwd=talker, env=peppy.environment
    ) as program:
        try:
            wait_until(lambda: "[stdout] standalone " in peppy.log_of("ear"), "a message")
        finally:
            program.send_signal(signal.SIGINT)
    assert program.returncode == 0
    assert set(instances(peppy)) == {"ear"}


def test_the_graph_goes_to_a_file_and_a_listing_into_a_pipe_that_closes(peppy: Peppy) -> None:
    make(peppy, "talker", interfaces=NEWS)
    make(peppy, "listener", interfaces=HEARS, manifest=DEPENDS)
    peppy("node", "add", "talker")
    peppy("node", "add", "listener")
    graph = peppy.work / "stack.dot"
    peppy("stack", "list", "stack.dot")
    assert graph.read_text().startswith("digraph")
    assert re.search(r'"listener:v1" -> "talker:v1"', graph.read_text())
    with peppy.start("stack", "list") as listing:
        assert listing.stdout is not None
        assert listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == ""
    assert listing.returncode == 141


def test_output_for_which_there_is_no_room_is_a_sentence(peppy: Peppy) -> None:
    with open("/dev/full", "w") as full:
        for option in ((), ("--json",)):
            done = subprocess.run(
                [sys.executable, "-m", "peppy", "stack", "list", *option],
                env=peppy.environment,
                check=False,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=30,
            )
            assert done.returncode == 1
            assert done.stderr.endswith("Error: cannot write the output: no space left on device\n")
