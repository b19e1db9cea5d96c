"""Moments in seconds and nanoseconds, there and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.runtime.timestamps import CapnpTimestamp, convert_time, convert_time_from_capnp

CENTURIES = 10.0**10


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [
        (0, CapnpTimestamp(0, 0)),
        (1.5, CapnpTimestamp(1, 500_000_000)),
        (-0.25, CapnpTimestamp(-1, 750_000_000)),
        (0.9999999999, CapnpTimestamp(1, 0)),
        (-1e-12, CapnpTimestamp(0, 0)),
    ],
)
def test_a_moment_is_whole_seconds_and_the_nanoseconds_after_them(
    seconds: float, moment: CapnpTimestamp
) -> None:
    assert convert_time(seconds) == moment


@given(st.floats(-CENTURIES, CENTURIES))
def test_a_moment_comes_back_to_the_nanosecond(seconds: float) -> None:
    moment = convert_time(seconds)
    assert 0 <= moment.nsec < 10**9
    there = convert_time_from_capnp(moment.sec, moment.nsec)
    assert abs(there - seconds) <= max(0.5000001e-9, math.ulp(seconds))


@pytest.mark.parametrize("never", [math.inf, -math.inf, math.nan])
def test_what_is_no_moment_is_refused(never: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        convert_time(never)


@pytest.mark.parametrize("nsec", [-1, 10**9])
def test_nanoseconds_beyond_a_second_are_refused(nsec: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 999999999"):
        convert_time_from_capnp(1, nsec)
