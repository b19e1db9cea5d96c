"""What sentences are true of, and how they read."""

from dataclasses import dataclass
from typing import Any

import pytest

from peppy.testing.sentences import Sentence, event, fault, line, message
from peppy.testing.trace_entry import Entry, Kind


@dataclass
class JointStates:
    positions: list[float]


def entry(kind: Kind, who: str, name: str, what: Any = None) -> Entry:
    return Entry(1.0, kind, who, name, lambda: what)


MOVED = entry(Kind.MESSAGE, "the_arm", "joint_states", {"positions": [0.5], "name": "a"})
TYPED = entry(Kind.MESSAGE, "the_arm", "joint_states", JointStates([0.5]))
STOPPED = entry(Kind.EVENT, "the_arm", "stopped", "the_arm has stopped")
PRINTED = entry(Kind.LINE, "the_brain", "stdout", "I see it")
CRASHED = entry(Kind.FAULT, "camera_front", "crash")
ALL = [MOVED, TYPED, STOPPED, PRINTED, CRASHED]


def far(states: Any) -> bool:
    return bool(states["positions"][0] > 0.3)


@pytest.mark.parametrize(
    ("sentence", "true_of"),
    [
        (message("joint_states"), [MOVED, TYPED]),
        (message("joint_states", sender="the_arm"), [MOVED, TYPED]),
        (message("joint_states", sender="camera_front"), []),
        (message("stopped"), []),
        (message("joint_states", positions=[0.5]), [MOVED, TYPED]),
        (message("joint_states", positions=pytest.approx([0.5000000001])), [MOVED, TYPED]),
        (message("joint_states", positions=[0.5], name="a"), [MOVED]),
        (message("joint_states", name=None), []),
        (message("joint_states", name="a", where=far), [MOVED]),
        (message("joint_states", name="a", where=lambda m: not far(m)), []),
        (event("stopped"), [STOPPED]),
        (event("stopped", "the_arm"), [STOPPED]),
        (event("stopped", "the_brain"), []),
        (event("started"), []),
        (line("see"), [PRINTED]),
        (line("see", "the_brain"), [PRINTED]),
        (line("see", "the_arm"), []),
        (line("Traceback"), []),
        (fault("crash"), [CRASHED]),
        (fault("crash", "camera_front"), [CRASHED]),
        (fault("hang"), []),
        (event("stopped") | line("see"), [STOPPED, PRINTED]),
        (message("joint_states") & message("joint_states", name="a"), [MOVED]),
        (message("joint_states") & event("stopped"), []),
    ],
    ids=str,
)
def test_a_sentence_is_true_of_what_it_says(sentence: Sentence, true_of: list[Entry]) -> None:
    assert [each for each in ALL if sentence.matches(each)] == true_of


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        (message("joint_states"), "a message on 'joint_states'"),
        (message("s", sender="the_arm", n=1), "a message on 's' from 'the_arm' with n = 1"),
        (message("s", where=far), "a message on 's' with far"),
        (message("s", where=lambda m: m["x"] > 0.3), "a message on 's' with m[\"x\"] > 0.3"),
        (
            message("s", where=lambda m: any(x > 0 for x in m)),
            "a message on 's' with any(x > 0 for x in m)",
        ),
        (
            message(
                "s",
                where=lambda m: (
                    m["x"]  # far
                    > 0.3
                ),
            ),
            "a message on 's' with m[\"x\"] # far > 0.3",
        ),
        (event("stopped", "the_arm"), "an event 'stopped' of 'the_arm'"),
        (line("see"), "a line containing 'see'"),
        (fault("crash", "the_arm"), "a fault 'crash' of 'the_arm'"),
        (fault("crash") | line("x"), "a fault 'crash' or a line containing 'x'"),
    ],
)
def test_a_sentence_reads_as_one(sentence: Sentence, text: str) -> None:
    assert str(sentence) == text


def test_what_a_condition_raises_names_the_message_that_it_was_asked_of() -> None:
    sentence = message("joint_states", where=lambda m: bool(m["position"]))
    with pytest.raises(KeyError) as raised:
        sentence.matches(MOVED)
    assert "joint_states of the_arm at 1.000 s" in raised.value.__notes__[0]


def test_a_message_is_not_read_for_sentences_about_other_topics() -> None:
    def unreadable() -> Any:
        raise AssertionError

    unread = Entry(0.0, Kind.MESSAGE, "camera", "video_stream", unreadable)
    assert not message("joint_states", where=far, number=1).matches(unread)
    assert not (line("x") | event("failed")).matches(unread)
    assert message("video_stream").matches(unread)


def test_an_event_that_there_never_is_is_refused() -> None:
    with pytest.raises(ValueError, match="no events 'fialed'; did you mean 'failed'"):
        event("fialed")
