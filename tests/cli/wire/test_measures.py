"""How often, how much and how late, of what has arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.cli.wire.measures import Heard, Window, quantile, spread


def window(*heard: tuple[float, int, int, float], size: int = 1000) -> Window:
    filled = Window(size)
    for at, messages, octets, delay in heard:
        filled.add(Heard(at, messages, octets, delay))
    return filled


def test_nothing_is_said_before_there_is_something_to_say() -> None:
    assert (window().rate(), window().bandwidth(), window().delay()) == (None, None, None)
    one = window((0.0, 1, 10, 0.5))
    assert (one.rate(), one.bandwidth()) == (None, None)
    assert one.delay() is not None


def test_a_rate_counts_the_messages_after_the_first_in_the_time_that_they_took() -> None:
    rate = window((1.0, 1, 0, 0.0), (1.1, 1, 0, 0.0), (1.5, 1, 0, 0.0)).rate()
    assert rate is not None
    assert rate.hertz == pytest.approx(4.0)
    assert rate.messages == 3
    assert rate.interval.least == pytest.approx(0.1)
    assert rate.interval.most == pytest.approx(0.4)


def test_messages_that_come_together_count_each() -> None:
    filled = window((0.0, 1, 10, 0.0), (1.0, 50, 500, 0.0))
    rate, flow = filled.rate(), filled.bandwidth()
    assert rate is not None
    assert flow is not None
    assert (rate.hertz, flow.bytes_per_second, flow.size.mean) == (50.0, 500.0, 10.0)
    assert (filled.total, rate.messages) == (51, 51)


def test_messages_at_the_same_moment_have_no_rate() -> None:
    assert window((1.0, 1, 1, 0.0), (1.0, 1, 1, 0.0)).rate() is None


def test_delays_are_summed_up_in_order() -> None:
    late = window(*((float(i), 1, 0, d) for i, d in enumerate((0.3, 0.1, 0.2)))).delay()
    assert late is not None
    assert (late.seconds.least, late.p50, late.p90, late.seconds.most) == (0.1, 0.2, 0.3, 0.3)


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=30),
    st.integers(1, 20),
)
def test_a_window_holds_the_most_recent_messages_and_hardly_more(
    pieces: list[int], size: int
) -> None:
    filled = window(*((float(i), n, n, float(i)) for i, n in enumerate(pieces)), size=size)
    late = filled.delay()
    assert late is not None
    assert filled.total == sum(pieces)
    assert min(size, sum(pieces)) <= late.messages < size + max(pieces)
    assert late.seconds.most == float(len(pieces) - 1)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_spread_lies_between_its_least_and_its_most(values: list[float]) -> None:
    found = spread(values)
    assert found.least - 1e-6 <= found.mean <= found.most + 1e-6
    assert 0 <= found.deviation <= found.most - found.least + 1e-6
    assert quantile(sorted(values), 0.0) == found.least
    assert quantile(sorted(values), 1.0) == found.most
