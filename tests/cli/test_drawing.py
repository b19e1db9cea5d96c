import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from peppy.cli.drawing.daemon import daemon, duration
from peppy.cli.drawing.node_info import node_info
from peppy.cli.drawing.stack import dot_graph, instances_cell, stack
from peppy.cli.drawing.table import box_table
from peppy.schema.control import Edge, InstanceState, StackView
from tests.cli.sample_views import (
    CORE_ROW,
    DAEMON,
    HELLO,
    LINKED,
    NODE_INFO,
    RECEIVER,
    STACK,
    instance,
    row,
)

TABLE = """\
Node stack
┌────────────────────────────────────────┬───────┬─────────┬───────────┬───────────────────────────────────────────────────────────┐
│ NODE                                   │ STAGE │ VARIANT │ INSTANCES │ PATH                                                      │
├────────────────────────────────────────┼───────┼─────────┼───────────┼───────────────────────────────────────────────────────────┤
│ core-node-funny-chatterjee-6386:v0.8.0 │ Root  │ default │ 1 running │ /home/ubuntu/.peppy/bin                                   │
│ hello_world:0.1.0                      │ Ready │ default │ 1 running │ /home/ubuntu/.peppy/built_nodes/hello_world_0.1.0.tar.zst │
└────────────────────────────────────────┴───────┴─────────┴───────────┴───────────────────────────────────────────────────────────┘
Dependencies
(none)"""  # noqa: E501  # the table is as wide as its paths

INFO = """\
Node Information
==================================================
Name: hello_world
Tag: 0.1.0
Language: Python
Build cmd: uv sync
Run cmd: uv run hello_world

Node Stack Status
--------------------------------------------------
Stage: Ready
Variant: default
Instances: 2 tracked
- suspicious-swanson-5880 [running]
- flamboyant-penrose-9622 [failed] (exit code 1)

Logs
--------------------------------------------------
hello_world:0.1.0
Add log: /home/ubuntu/.peppy/logs/add/hello_world_0.1.0_20260416_101124_613.log
Run logs:
- suspicious-swanson-5880: /home/ubuntu/.peppy/logs/run/suspicious-swanson-5880.log
- flamboyant-penrose-9622: /home/ubuntu/.peppy/logs/run/flamboyant-penrose-9622.log

Parameters
--------------------------------------------------
- name: string
- video.frame_rate: u16

Exposed Interfaces
--------------------------------------------------
Emitted Topics:
- message_stream (qos: SensorData)

Consumed Interfaces
--------------------------------------------------
Consumed Topics:
- clock (from: time:v1)
- joints (qos: Standard)

Dependencies
--------------------------------------------------
- time:v1

Integrity
--------------------------------------------------
Config SHA256: 67505086f8ac"""


def test_the_stack_is_drawn_as_the_pages_show_it() -> None:
    assert stack(STACK) == TABLE


def test_the_stack_says_where_warnings_can_be_read() -> None:
    warned = replace(instance(), warnings=("the lens is dirty", "the lens is hot"))
    view = StackView(core_node="x", nodes=(CORE_ROW, row(warned, instance())), dependencies=())
    lines = stack(view).splitlines()
    assert lines[-3:-1] == [
        "2 warnings: see 'peppy node info hello_world:0.1.0'",
        "Dependencies",
    ]


def test_a_dependency_points_from_who_needs_to_what_is_needed() -> None:
    assert stack(LINKED).endswith("Dependencies\nhello_receiver:0.1.0 -> hello_world:0.1.0")


@pytest.mark.parametrize(
    ("states", "cell"),
    [
        ([], "0"),
        (["running"], "1 running"),
        (["starting"], "1 starting"),
        (["running", "running"], "2 running"),
        (["starting", "running"], "2 (1 running, 1 starting)"),
        (["failed", "running", "finished"], "3 (1 running, 1 finished, 1 failed)"),
    ],
)
def test_the_instances_cell_counts_each_state(states: list[str], cell: str) -> None:
    assert instances_cell([instance(state=InstanceState(state)) for state in states]) == cell


def test_node_info_shows_every_section_that_has_something_in_it() -> None:
    assert node_info(NODE_INFO) == INFO


def test_a_dependency_that_has_left_the_stack_is_told() -> None:
    view = replace(LINKED, missing=(Edge(dependent=HELLO, dependency=RECEIVER),))
    assert stack(view).splitlines()[-2:] == [
        "hello_receiver:0.1.0 -> hello_world:0.1.0",
        "hello_world:0.1.0 -> hello_receiver:0.1.0 (not in the stack)",
    ]


def test_the_graph_names_each_node_and_each_dependency_once() -> None:
    graph = dot_graph(LINKED)
    assert graph.count('"hello_receiver:0.1.0" -> "hello_world:0.1.0";') == 1
    assert graph.count('"hello_world:0.1.0" [label="hello_world:0.1.0\\n1 running"];') == 1


def test_the_daemon_is_drawn_one_fact_in_a_line() -> None:
    assert "Uptime: 2 h 5 min 9 s" in daemon(DAEMON).splitlines()


def test_requests_that_could_not_be_read_are_shown_where_there_were_some() -> None:
    assert "Malformed" not in daemon(DAEMON)
    assert "Malformed requests: 3" in daemon(replace(DAEMON, malformed=3)).splitlines()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (61, "1 min 1 s"), (86400, "1 d 0 h 0 min 0 s")]
)
def test_a_duration_has_no_unit_before_its_first(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.lists(st.tuples(st.text("ab-/"), st.text("xy ")), min_size=1))
def test_every_line_of_a_table_is_as_wide_as_every_other(rows: list[tuple[str, str]]) -> None:
    lines = box_table(("NODE", "PATH"), rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert len(lines) == len(rows) + 4


def test_a_wide_letter_takes_two_columns() -> None:
    lines = box_table(("A",), [("機",), ("ab",)]).splitlines()
    assert lines[3:5] == ["│ 機 │", "│ ab │"]
