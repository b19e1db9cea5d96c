"""The verbs of the wire against a running node: real daemon, real zenoh, real processes."""

import base64
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_first_node import make_node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROVER = """
import asyncio
import time

from peppygen import NodeBuilder, NodeRunner
from peppygen.consumed_topics import drive
from peppygen.emitted_topics import frames, status
from peppygen.exposed_actions import turn
from peppygen.exposed_services import enable, ping
from peppygen.parameters import Parameters


async def report(node_runner: NodeRunner) -> None:
    count = 0
    while True:
        header = status.MessageHeader(frame_id=count, at=time.time())
        await status.emit(node_runner, header, count % 4 / 2, "rover one", None, bytes(3))
        await frames.emit(node_runner, bytes(100_000), 640)
        count += 1
        await asyncio.sleep(0.02)


async def obey(node_runner: NodeRunner) -> None:
    while True:
        sender, message = await drive.on_next_message_received(node_runner)
        print(f"{sender} says {message.speed} {message.goal.name} {message.marks}", flush=True)


async def serve(node_runner: NodeRunner) -> None:
    def switch(request: enable.Request) -> enable.Response:
        if request.data.level > 9:
            raise ValueError("the level is too high")
        return enable.Response(request.data.on, request.data.level + 1)

    while True:
        await enable.handle_next_request(node_runner, switch)


async def answer_pings(node_runner: NodeRunner) -> None:
    while True:
        await ping.handle_next_request(node_runner, lambda request: print("pinged", flush=True))


async def turns(node_runner: NodeRunner) -> None:
    handle = await turn.ActionHandle.expose(node_runner)
    while True:
        angles: list[float] = []

        def decide(request: turn.GoalRequest) -> turn.GoalResponse:
            angles.append(request.data.angle)
            return turn.GoalResponse(accepted=request.data.angle < 100)

        await handle.handle_goal_next_request(decide)
        (angle,) = angles
        if angle >= 100:
            continue
        for left in range(3):
            await handle.emit_feedback(float(left))
            await asyncio.sleep(0.05)
        if angle > 50:
            print("turning on", flush=True)
            await handle.handle_cancel_next_request(lambda _: turn.CancelResponse(accepted=True))
            print("cancelled", flush=True)
            continue
        await handle.handle_result_next_request(lambda _: turn.ResultResponse(angle=angle))


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    jobs = (report, obey, serve, answer_pings, turns)
    return [asyncio.create_task(job(node_runner)) for job in jobs]


def main() -> None:
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
"""

DOCUMENT = """{
    peppy_schema: "node_v1",
    manifest: { name: "rover", tag: "v1" },
    interfaces: { topics: {
        emits: [
            { name: "status", qos_profile: "sensor_data", message_format: {
                header: { frame_id: "u32", at: "time" }, speed: "f64", name: "string",
                note: { $type: "string", $optional: true }, data: "bytes",
            } },
            { name: "frames", message_format: {
                pixels: { $type: "array", $items: "u8" }, width: "u16",
            } },
        ],
        consumes: [ { name: "drive", message_format: {
            speed: "f64", goal: { name: "string" }, marks: { $type: "array", $items: "i16" },
        } } ],
    },
    services: { exposes: [
        {
            name: "enable",
            request_message_format: { on: "bool", level: "u8" },
            response_message_format: { on: "bool", level: "u8" },
        },
        { name: "ping" },
    ] },
    actions: { exposes: [ {
        name: "turn",
        goal_service: {
            request_message_format: { angle: "f64" },
            response_message_format: { accepted: "bool" },
        },
        feedback_topic: { message_format: { left: "f64" } },
        result_service: { response_message_format: { angle: "f64" } },
    } ] } },
    execution: { language: "python", build_cmd: ["uv", "sync"], run_cmd: ["uv", "run", "rover"] },
}"""


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peppy]:
    """A daemon whose stack has one running node, `rover:v1`, with the instance `one`."""
    base = tmp_path_factory.mktemp("wire")
    (base / "work").mkdir()
    peppy = Peppy(base / "home", base / "work")
    directory = make_node(peppy, "rover", DOCUMENT, ROVER)
    peppy("node", "add", "-sr", ".", "-i", "one", cwd=directory)
    yield peppy
    peppy.try_("service", "stop")
    wait_until(lambda: not peppy.processes(), "the end of everything in this home", 30)


def lines(peppy: Peppy, *words: str) -> list[Any]:
    """Run a command that ends by itself; return what each of its lines says in JSON."""
    return [json.loads(line) for line in peppy(*words, "--json").splitlines()]


def error(peppy: Peppy, *words: str) -> Any:
    """Run a command that fails; return what it says in JSON."""
    done = peppy.try_(*words, "--json")
    assert done.returncode == 1, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)["error"]


def test_the_topics_are_listed_with_who_emits_and_who_consumes_them(robot: Peppy) -> None:
    drive, frames, status = robot.json("topic", "list")["topics"]
    assert (drive["node"], drive["consumers"][0]["external"]) == (None, True)
    assert (frames["name"], frames["qos"], frames["emitters"]) == ("frames", "standard", ["one"])
    assert status["format"]["header"] == {"$type": "object", "frame_id": "u32", "at": "time"}
    assert "status" in robot("topic", "list")
    assert "frame_id: u32" in robot("topic", "info", "rover/status")


def test_echo_shows_a_message_of_a_running_node(robot: Peppy) -> None:
    shown = robot("topic", "echo", "status", "--once")
    assert shown.startswith("--- # one\nheader:\n  frame_id: ")
    assert "\nname: rover one\ndata: <00 00 00>\n" in shown
    (heard,) = lines(robot, "topic", "echo", "rover:v1/status", "--once")
    assert heard["instance_id"] == "one"
    assert heard["message"]["data"] == base64.b64encode(bytes(3)).decode()
    assert "note" not in heard["message"]


def test_echo_shows_only_what_fits_a_filter_and_only_the_field_that_is_asked_for(
    robot: Peppy,
) -> None:
    words = ("topic", "echo", "status", "--once", "--filter", "speed > 1.4 and 'one' in name")
    assert lines(robot, *words)[0]["message"]["speed"] == 1.5
    assert robot(*words, "--field", "speed") == "1.5\n"
    assert lines(robot, *words, "--field", "header.frame_id")[0]["value"] % 4 == 3


def test_a_large_binary_is_short_for_people_and_whole_in_json(robot: Peppy) -> None:
    assert "pixels: <100000 bytes>\nwidth: 640\n" in robot("topic", "echo", "frames", "--once")
    (heard,) = lines(robot, "topic", "echo", "frames", "--once")
    assert base64.b64decode(heard["message"]["pixels"]) == bytes(100_000)


def test_echo_of_another_instance_shows_nothing_of_this_one(robot: Peppy) -> None:
    process = robot.start("topic", "echo", "status", "--from", "two")
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err) == ("", "No instance 'two' is known to emit it, waiting for one\n")


def test_echo_goes_on_until_ctrl_c_and_ends_without_a_word(robot: Peppy) -> None:
    process = robot.start("topic", "echo", "status")
    assert process.stdout is not None
    for _ in range(30):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


def test_echo_into_a_pipe_that_closes_ends_without_a_word(robot: Peppy) -> None:
    with robot.start("topic", "echo", "status") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(20) == 141
        assert process.stderr.read() == ""


def test_hz_bw_and_delay_print_as_many_lines_of_figures_as_are_wanted(robot: Peppy) -> None:
    first, second = lines(robot, "topic", "hz", "status", "--times", "2")
    assert 10 < first["hertz"] < 60
    assert second["messages"] > first["messages"]
    (flow,) = lines(robot, "topic", "bw", "frames", "--times", "1", "--window", "10")
    assert flow["messages"] == 10
    assert flow["size"]["least"] > 100_000
    (late,) = lines(robot, "topic", "delay", "status", "--times", "1")
    assert 0 < late["p50"] <= late["p90"] < 1
    assert " Hz, every " in robot("topic", "hz", "status", "--times", "1")


def test_a_published_message_is_heard_by_a_node(robot: Peppy) -> None:
    sent = robot.json("topic", "pub", "drive", "{speed: 2.5, goal: {name: 'dock'}, marks: [1, -2]}")
    assert (sent["messages"], sent["heard"]) == (1, True)
    line = f"{sent['instance_id']} says 2.5 dock [1, -2]"
    wait_until(lambda: line in robot.log_of("one"), line)
    words = ("speed=1", "goal.name=home", "marks=[3]", "--times", "3", "--rate", "50")
    assert robot("topic", "pub", "drive", *words) == "Published 3 messages on topic 'drive'\n"
    wait_until(lambda: robot.log_of("one").count("says 1.0 home [3]") == 3, "three messages")


def test_a_published_message_is_heard_as_one_of_the_node_that_emits_the_topic(
    robot: Peppy,
) -> None:
    listener = robot.start("topic", "echo", "rover/frames", "--once", "--filter", "width == 7")
    pixels = base64.b64encode(bytes(range(256)) * 200).decode()
    words = ("topic", "pub", "frames", f"pixels={pixels}", "width=7")
    wait_until(lambda: robot(*words) and listener.poll() is not None, "an echo", 40)
    out, _ = listener.communicate()
    assert out.startswith("--- # cli-")
    assert "pixels: <51200 bytes>" in out


def test_a_service_is_called_and_its_response_printed(robot: Peppy) -> None:
    assert robot("service", "call", "enable", "{on: true, level: 3}") == (
        "--- # one\non: true\nlevel: 4\n"
    )
    answer = robot.json("service", "call", "rover/enable", "on=false", "level=0")
    assert answer == {
        "service": "enable",
        "instance_id": "one",
        "response": {"on": False, "level": 1},
    }
    assert robot("service", "call", "ping", "--instance", "one") == "Called service 'ping'\n"
    wait_until(lambda: "pinged" in robot.log_of("one"), "a ping")
    (enable, ping) = robot.json("service", "list")["services"]
    assert (enable["servers"], ping["request"]) == (["one"], None)


def test_a_call_that_fails_says_why(robot: Peppy) -> None:
    high = error(robot, "service", "call", "enable", "{on: true, level: 10}")
    assert high["kind"] == "refused"
    assert "the level is too high" in high["sentence"]
    nobody = error(robot, "service", "call", "ping", "--instance", "two")
    assert nobody["kind"] == "unreachable"
    assert "for instance 'two'" in nobody["sentence"]
    unfit = error(robot, "service", "call", "enable", "{on: 1, level: 300}")
    assert unfit["problems"][0]["path"] == "on"
    assert "takes no values" in error(robot, "service", "call", "ping", "{x: 1}")["sentence"]


def test_a_goal_is_sent_and_its_answer_feedback_and_result_are_printed(robot: Peppy) -> None:
    told = lines(robot, "action", "send", "turn", "{angle: 7}", "--feedback")
    assert [each["kind"] for each in told] == ["goal", *["feedback"] * 3, "result"]
    assert [each["message"] for each in told[1:4]] == [{"left": float(i)} for i in range(3)]
    assert told[-1] == {"kind": "result", "instance_id": "one", "message": {"angle": 7.0}}
    assert robot("action", "send", "rover:v1/turn", "angle=8") == (
        "--- # goal, one\naccepted: true\n--- # result, one\nangle: 8.0\n"
    )
    (turn,) = robot.json("action", "list")["actions"]
    assert (turn["servers"], turn["goal_request"]) == (["one"], {"angle": "f64"})


def test_a_goal_that_is_rejected_is_a_failure(robot: Peppy) -> None:
    done = robot.try_("action", "send", "turn", "{angle: 100}")
    assert done.returncode == 1
    assert done.stdout == "--- # goal, one\naccepted: false\n"
    assert "rejected" in done.stderr


def test_ctrl_c_cancels_the_goal(robot: Peppy) -> None:
    process = robot.start("action", "send", "turn", "{angle: 60}")
    wait_until(lambda: "turning on" in robot.log_of("one"), "a goal under way")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.splitlines()[:2] == ["Cancelling the goal...", "Cancelled the goal"]
    wait_until(lambda: "] cancelled" in robot.log_of("one"), "the cancel")


def test_a_goal_whose_sender_has_no_more_time_is_cancelled(robot: Peppy) -> None:
    before = robot.log_of("one").count("] cancelled")
    late = robot.try_("action", "send", "turn", "{angle: 70}", "--timeout", "2")
    assert late.returncode == 1
    assert "Cancelled the goal" in late.stderr
    wait_until(lambda: robot.log_of("one").count("] cancelled") > before, "the cancel")


def test_what_does_not_exist_is_an_error_that_names_what_does(robot: Peppy) -> None:
    unknown = error(robot, "topic", "echo", "statu")
    assert (unknown["kind"], unknown["hint"]) == ("unknown_name", "did you mean 'rover:v1/status'?")
    field = error(robot, "topic", "echo", "status", "--filter", "sped > 1")
    assert "did you mean 'speed'?" in field["sentence"]
    assert "'header', 'speed', 'name'" in field["hint"]
    assert (
        "has no field 'x'"
        in error(robot, "topic", "echo", "status", "--field", "header.x")["sentence"]
    )


def test_values_that_do_not_fit_are_named_and_nothing_is_sent(robot: Peppy) -> None:
    before = robot.log_of("one").count("says")
    broken = error(robot, "topic", "pub", "drive", "{speed: }")
    assert (broken["kind"], broken["problems"][0]["line"]) == ("document", 1)
    wrong = error(robot, "topic", "pub", "drive", "{sped: 1, goal: {}, marks: []}")
    assert {problem["path"] for problem in wrong["problems"]} == {"sped", "speed", "goal.name"}
    unfit = error(robot, "topic", "pub", "drive", "{speed: 1, goal: {name: 'x'}, marks: [70000]}")
    assert unfit["problems"][0]["path"] == "marks[0]"
    assert robot.log_of("one").count("says") == before


def test_without_a_daemon_one_is_started_and_has_no_topics(tmp_path: Path) -> None:
    peppy = Peppy(tmp_path / "home", tmp_path)
    try:
        done = peppy.try_("topic", "list")
        assert (done.returncode, done.stdout) == (
            0,
            "No node in the stack emits or consumes a topic\n",
        )
        assert "Started the peppy daemon" in done.stderr
        assert error(peppy, "topic", "echo", "status")["kind"] == "unknown_name"
    finally:
        peppy.try_("service", "stop")
