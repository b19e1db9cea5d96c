"""Which thing of the stack a name means."""

import pytest

from peppy.schema.names import Name, NodeId, parse_node_id
from peppy.schema.wire import TopicView
from peppy.schema.wire_finding import (
    Ambiguous,
    NoFormat,
    NotFound,
    find,
    full_name,
    message_format,
)


def topic(name: str, node: str | None) -> TopicView:
    owner: NodeId | None = None if node is None else parse_node_id(node)
    return TopicView(name=Name(name), node=owner, qos="standard", format={})


TOPICS = (
    topic("frames", "camera:v1"),
    topic("frames", "camera:v2"),
    topic("frames", "thermal:v1"),
    topic("joints", "arm:v1"),
    topic("drive", None),
)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("joints", 3),
        ("arm/joints", 3),
        ("arm:v1/joints", 3),
        ("camera:v2/frames", 1),
        ("thermal/frames", 2),
        ("drive", 4),
    ],
)
def test_a_name_that_only_one_has_means_that_one(name: str, index: int) -> None:
    assert find("topic", name, TOPICS) is TOPICS[index]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("frames", "write 'camera:v1/frames', 'camera:v2/frames' or 'thermal:v1/frames'"),
        ("camera/frames", "write 'camera:v1/frames' or 'camera:v2/frames'"),
    ],
)
def test_a_name_that_several_have_is_an_error_with_all_of_them(name: str, hint: str) -> None:
    with pytest.raises(Ambiguous) as caught:
        find("topic", name, TOPICS)
    assert caught.value.hint == hint
    assert f"'{name}'" in caught.value.sentence


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("joint", "did you mean 'arm:v1/joints'?"),
        ("arm:v2/joints", "did you mean 'arm:v1/joints'?"),
        ("driv", "did you mean 'drive'?"),
        ("odometry", "there are 'camera:v1/frames', 'camera:v2/frames'"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        find("topic", name, TOPICS)
    assert (caught.value.hint or "").startswith(hint)


def test_in_an_empty_stack_the_error_says_that_there_is_none() -> None:
    with pytest.raises(NotFound) as caught:
        find("service", "enable", ())
    assert "no node in the stack has a service" in (caught.value.hint or "")


def test_of_many_topics_an_error_lists_some_and_counts_the_rest() -> None:
    many = [topic(f"t{i:02}_{'x' * i}", "a:v1") for i in range(14)]
    with pytest.raises(NotFound) as caught:
        find("topic", "nothing_like_it", many)
    assert (caught.value.hint or "").endswith(" and 4 more")


def test_each_thing_has_a_full_name_that_means_only_it() -> None:
    assert [find("topic", full_name(view), TOPICS) for view in TOPICS] == list(TOPICS)


def test_a_topic_without_a_format_cannot_be_read() -> None:
    with pytest.raises(NoFormat, match="topic 'x' has no message format"):
        message_format(None, "topic 'x'")
