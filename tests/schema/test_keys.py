"""Who is addressed, and who takes what from whom, is read from a key as it was written."""

import itertools

import pytest

from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name

FRONT = Address("core", Name("camera"), InstanceId("front"))

TARGETS = list(itertools.product((None, "camera"), (None, "core"), (None, "front")))


def test_a_topics_key_names_its_sender_last() -> None:
    key = keys.topic(FRONT, "video")
    assert key == "peppy/topic/video/camera/core/front"
    assert keys.sender_of(key) == keys.last(key) == "front"


@pytest.mark.parametrize("target", TARGETS)
def test_a_pattern_has_a_star_for_whatever_is_not_named(
    target: tuple[str | None, str | None, str | None],
) -> None:
    parts = keys.topic_pattern("video", *target).split("/")
    assert parts == ["peppy", "topic", "video", *(name or "*" for name in target)]


@pytest.mark.parametrize("target", TARGETS)
def test_a_taker_is_known_to_the_senders_that_it_takes_from(
    target: tuple[str | None, str | None, str | None],
) -> None:
    key = keys.taker("video", *target, "held-1")
    assert keys.taker_in(key, FRONT) == "held-1"
    assert "*" not in key


@pytest.mark.parametrize("target", TARGETS)
def test_a_taker_of_others_is_none_of_a_senders(
    target: tuple[str | None, str | None, str | None],
) -> None:
    other = Address("another", Name("radar"), InstanceId("rear"))
    key = keys.taker("video", *target, "held-1")
    assert (keys.taker_in(key, other) is None) is any(target)


def test_credit_is_given_to_one_publisher() -> None:
    assert keys.credit(255) == "peppy/credit/00000000000000ff"
    assert keys.credit(2**64 - 1) != keys.credit(0)
