"""What holds of a stack once all is healed: each is shown to fail where it should."""

from random import Random

from peppy.runtime.plain import PlainCodec
from peppy.runtime.runner import End
from peppy.schema.control import InstanceState, InstanceView
from peppy.schema.format_reader import parse_format
from peppy.schema.names import InstanceId, parse_node_id
from peppy.schema.restart import RestartMode, RestartPolicy
from peppy.schema.traffic import EndKind, EndTraffic, PeerTraffic, TrafficView
from peppy.testing.stack.accounts import balances, complaints
from peppy.testing.stack.drawn_values import values_of
from peppy.testing.stack.invariants import (
    Deeds,
    acknowledged,
    restarted,
    running,
    silent,
    tracebacks,
)
from peppy.testing.trace_entry import Entry, Kind


def instance(
    state: InstanceState = InstanceState.RUNNING,
    mode: RestartMode = RestartMode.NEVER,
    restarts: int = 0,
    traffic: TrafficView | None = None,
) -> InstanceView:
    return InstanceView(
        instance_id=InstanceId("arm"),
        node=parse_node_id("robot_arm:v1"),
        state=state,
        pid=None,
        log="",
        started_at=0.0,
        restart=RestartPolicy(mode=mode),
        restarts=restarts,
        traffic=traffic,
    )


def test_who_was_stopped_is_not_to_be_listed_and_who_was_started_is() -> None:
    deeds = Deeds()
    deeds.begin("start", "arm", 1.0).ended = 2.0
    assert acknowledged(deeds, ["arm"], []) == ["'arm' was started (start), and is not listed"]
    deeds.begin("stop", "arm", 3.0).ended = 4.0
    assert acknowledged(deeds, ["arm"], []) == []
    assert acknowledged(deeds, ["arm"], ["arm"]) == ["'arm' was stopped, and is listed"]


def test_what_was_not_answered_or_was_overlapped_promises_nothing() -> None:
    deeds = Deeds()
    first = deeds.begin("start", "arm", 1.0)
    deeds.begin("stop", "arm", 2.0).ended = 3.0
    assert acknowledged(deeds, ["arm"], ["arm"]) == []
    first.ended = 1.5
    assert acknowledged(deeds, ["arm"], ["arm"]) != []
    deeds.begin("restart", "arm", 4.0).refusal = "daemon_vanished"
    assert acknowledged(deeds, ["arm"], ["arm"]) == []


def test_a_restart_that_is_refused_may_have_stopped_it() -> None:
    deeds = Deeds()
    launch = deeds.begin("launch", None, 1.0)
    restart = deeds.begin("restart", "arm", 1.5)
    restart.ended, restart.refusal = 2.0, "in_progress"
    launch.ended, launch.started = 2.5, ("arm",)
    assert acknowledged(deeds, ["arm"], []) == []


def test_a_refusal_that_changes_nothing_takes_no_promise_back() -> None:
    deeds = Deeds()
    deeds.begin("stop", "arm", 1.0).ended = 2.0
    deeds.begin("start", "arm", 3.0).refusal = "no_daemon"
    assert acknowledged(deeds, ["arm"], ["arm"]) == ["'arm' was stopped, and is listed"]


def test_a_launch_promises_those_whom_it_names() -> None:
    deeds = Deeds()
    launch = deeds.begin("launch", None, 1.0)
    launch.ended, launch.started = 2.0, {"arm"}
    assert acknowledged(deeds, ["arm", "brain"], []) == [
        "'arm' was started (launch), and is not listed"
    ]


def test_who_runs_is_listed_and_who_is_listed_as_running_runs() -> None:
    assert running({"arm": instance()}, ["arm"]) == []
    assert running({}, ["arm"]) == ["'arm' runs, and is not listed as alive"]
    assert running({"arm": instance()}, []) == ["'arm' is listed as running, and does not run"]


def test_who_has_failed_is_started_again_or_given_up() -> None:
    failed = {"arm": instance(InstanceState.FAILED, RestartMode.ON_FAILURE)}
    assert len(restarted(failed, [])) == 1
    assert restarted(failed, [Entry(1.0, Kind.EVENT, "arm", "given_up")]) == []
    assert restarted({"arm": instance(InstanceState.FAILED)}, []) == []
    assert restarted({"arm": instance(InstanceState.FAILED, RestartMode.ALWAYS, 5)}, []) == []


def test_who_prints_a_traceback_has_to_end_with_it() -> None:
    printed = Entry(3.0, Kind.LINE, "arm", "stderr", lambda: "Traceback (most recent call last):")
    later = Entry(60.0, Kind.LINE, "brain", "stdout", lambda: "hello")
    assert tracebacks([printed, later], [("arm", 4.0)]) == []
    (violation,) = tracebacks([printed, later], [("arm", 2.0), ("brain", 4.0)])
    assert (violation.at, violation.what) == (3.0, "'arm' prints a traceback, and goes on")


def test_a_topic_that_was_heard_before_only_is_silent() -> None:
    entries = [Entry(1.0, Kind.MESSAGE, "arm", "states"), Entry(9.0, Kind.MESSAGE, "arm", "other")]
    assert silent(["other", "states"], entries, 5.0) == ["nothing comes on topic 'states' any more"]


class Side:
    """An end of which nobody asks anything."""

    def traffic(self) -> EndTraffic:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


ENDS: dict[str, tuple[End, ...]] = {"arm": (Side(),), "brain": (Side(),)}


def looked(sent: int, got: int, lost: int = 0, waiting: int = 0) -> dict[str, InstanceView]:
    """Return a stack whose arm has sent so many messages, of which the brain got so many."""
    publisher = EndTraffic(kind=EndKind.PUBLISHER, name="states", messages=sent)
    peer = PeerTraffic(instance_id="arm", messages=got, lost=lost)
    subscriber = EndTraffic(
        kind=EndKind.SUBSCRIBER, name="states", messages=got, waiting=waiting, peers=(peer,)
    )
    return {
        "arm": instance(traffic=TrafficView(ends=(publisher,))),
        "brain": instance(traffic=TrafficView(ends=(subscriber,))),
    }


def compared(
    before: dict[str, InstanceView],
    after: dict[str, InstanceView],
    later: dict[str, tuple[End, ...]] = ENDS,
    *,
    duplicated: bool = False,
) -> list[str]:
    first, last = balances(before, ENDS.__getitem__), balances(after, later.__getitem__)
    return complaints(first, last, duplicated=duplicated)


def test_what_was_lost_and_counted_adds_up_and_what_was_not_counted_does_not() -> None:
    assert compared(looked(20, 18), looked(50, 45, lost=3)) == []
    (complaint,) = compared(looked(20, 18), looked(50, 45))
    assert "3 messages of 'arm' are counted nowhere at 'brain'" in complaint


def test_what_came_twice_does_not_add_up_unless_the_network_made_it_so() -> None:
    (complaint,) = compared(looked(20, 18), looked(50, 49))
    assert "1 messages of 'arm' came that were never sent at 'brain'" in complaint
    assert compared(looked(20, 18), looked(50, 49), duplicated=True) == []


def test_ends_that_are_others_and_messages_that_wait_are_not_compared() -> None:
    others: dict[str, tuple[End, ...]] = {**ENDS, "brain": (Side(),)}
    assert compared(looked(20, 18), looked(50, 4), others) == []
    assert compared(looked(20, 18), looked(50, 40, waiting=5)) == []


def test_drawn_values_fit_every_kind_of_format() -> None:
    kinds = (
        "bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 string bytes time".split()  # noqa: SIM905
    )
    literal: dict[str, object] = {f"the_{kind}": kind for kind in kinds}
    literal["many"] = {"$type": "array", "$items": "u8", "$length": 3}
    literal["group"] = {"inner": {"$type": "array", "$items": "f64"}}
    literal["maybe"] = {"$type": "string", "$optional": True}
    codec = PlainCodec("a test", parse_format(literal))
    for number in range(20):
        values = values_of(literal, Random(number))
        payload, _ = codec.encode(values)
        assert payload
        assert len(values["many"]) == 3
    assert values_of(None, Random(0)) == {}
