"""Messages, topics and figures as people see them."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.cli.drawing.measures import bandwidth, delay, octets, rate, seconds
from peppy.cli.drawing.message import message, scalar, value
from peppy.cli.drawing.wire import actions, services, topic_info, topics
from peppy.cli.wire.measures import Bandwidth, Delay, Rate, Spread
from tests.cli.sample_wire import ENABLE, FRAMES, JOINTS, PAN


def test_a_message_has_a_line_for_each_field_and_nested_ones_are_indented() -> None:
    values: dict[str, Any] = {
        "header": {"frame_id": 7, "at": 1.5},
        "name": "left",
        "points": [{"x": 1.0, "tags": ["a"]}, {"x": -2.0, "tags": []}],
        "nothing": {},
        "ok": True,
    }
    assert message(values) == (
        "header:\n  frame_id: 7\n  at: 1.5\n"
        "name: left\n"
        "points:\n  - x: 1.0\n    tags: [a]\n  - x: -2.0\n    tags: []\n"
        "nothing: {}\n"
        "ok: true"
    )
    assert message({}) == "{}"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (None, "null"),
        (False, "false"),
        (-3, "-3"),
        (0.1, "0.1"),
        (math.nan, "nan"),
        ("two words", "two words"),
        ("", '""'),
        ("true", '"true"'),
        ("7", '"7"'),
        (" x", '" x"'),
        ("x ", '"x "'),
        ("a: b", '"a: b"'),
        ('say "x"\n', r'"say \"x\"\n"'),
        ("\x1b[2J", r'"\x1b[2J"'),
        (b"", "<>"),
        (b"\x00\xff", "<00 ff>"),
        (bytes(2764800), "<2764800 bytes>"),
        ([], "[]"),
        ([1, 2], "[1, 2]"),
        (list(range(100_000)), "[0, 1, 2, 3, 4, 5, 6, 7, ...] (100000 items)"),
    ],
)
def test_a_value_without_fields_is_one_line_that_is_safe_to_print(item: object, text: str) -> None:
    assert scalar(item) == text
    assert value(item) == text


def test_long_text_is_cut_and_counted() -> None:
    shown = scalar("x" * 3000)
    assert shown.endswith('x"... (3000 characters)')
    assert len(shown) < 2100


def test_of_many_objects_some_are_shown_and_all_are_counted() -> None:
    shown = value([{"x": i} for i in range(200)])
    assert shown.splitlines()[0] == "- x: 0"
    assert shown.splitlines()[-1] == "... (200 items)"
    assert len(shown.splitlines()) == 65


@given(st.text())
def test_no_text_leaves_its_line_or_moves_the_cursor(text: str) -> None:
    assert scalar(text).isprintable()


TOPICS = """\
┌────────┬───────────┬─────────────┬──────────┬─────────────┐
│ TOPIC  │ NODE      │ QOS         │ EMITTING │ CONSUMED BY │
├────────┼───────────┼─────────────┼──────────┼─────────────┤
│ frames │ camera:v1 │ sensor_data │ 2        │ viewer:v1   │
│ joints │ (none)    │ standard    │ 0        │ viewer:v1   │
└────────┴───────────┴─────────────┴──────────┴─────────────┘"""

INFO = """\
Topic: frames
Node: camera:v1
QoS: sensor_data
Emitting: 2 running
- front
- rear
Consumed by: 1
- viewer:v1
Message format:
  header: object
    at: time
  data: [u8]
  points: [object] (optional)
    x: f64
  matrix: [f64; 9]
  note: string (optional)"""


def test_topics_are_a_table() -> None:
    assert topics((FRAMES, JOINTS)) == TOPICS


def test_a_topic_is_shown_with_its_format() -> None:
    assert topic_info(FRAMES) == INFO
    assert "- viewer:v1 (external)" in topic_info(JOINTS)
    assert topic_info(JOINTS).endswith("Message format: none")


def test_services_and_actions_are_tables_with_their_fields() -> None:
    assert "│ enable  │ camera:v1 │ on      │ -        │ 1       │ -         │" in services(
        (ENABLE,)
    )
    assert (
        "│ pan    │ camera:v1 │ angle │ left     │ angle, note │ 1       │ viewer:v1 │"
        in actions((PAN,))
    )


def test_an_empty_stack_says_so() -> None:
    assert "emits or consumes a topic" in topics(())
    assert "exposes a service" in services(())
    assert "exposes an action" in actions(())


SPREAD = Spread(mean=0.0201, least=0.019, most=0.5, deviation=0.0005)


def test_figures_are_one_line_with_units() -> None:
    assert rate(Rate(hertz=49.7512, interval=SPREAD, messages=100)) == (
        "49.75 Hz, every 20.10 ms (min 19.00 ms, max 500.00 ms, std dev 500 us) over 100 messages"
    )
    size = Spread(mean=2764800, least=12, most=2764800, deviation=0)
    assert bandwidth(Bandwidth(bytes_per_second=8.3e7, size=size, messages=30)) == (
        "83.00 MB/s, a message 2.76 MB (min 12 B, max 2.76 MB) over 30 messages"
    )
    assert delay(Delay(seconds=SPREAD, p50=0.02, p90=0.021, messages=5)).startswith(
        "20.10 ms (p50 20.00 ms, p90 21.00 ms, min 19.00 ms"
    )


@pytest.mark.parametrize(
    ("number", "text"), [(0.0, "0 us"), (-0.002, "-2.00 ms"), (1.0, "1.000 s"), (9e-5, "90 us")]
)
def test_a_time_span_has_the_unit_that_fits(number: float, text: str) -> None:
    assert seconds(number) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (2.5e9, "2.50 GB"), (1e18, "1000000.00 TB")],
)
def test_a_number_of_bytes_has_the_prefix_that_fits(count: float, text: str) -> None:
    assert octets(count) == text
