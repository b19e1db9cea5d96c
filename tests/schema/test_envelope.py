"""An attachment says what it was told to say, or nothing; foreign ones are no trouble."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from peppy.schema.envelope import SIZE, Envelope, joined, number_in, number_of, pack, unpack, values

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=10))
def test_an_envelope_comes_back_whatever_follows_it(
    fingerprint: int, publisher: int, sequence: int, sent_at: int, rest: bytes
) -> None:
    label = pack(fingerprint, publisher, sequence, sent_at)
    assert len(label) == SIZE
    assert unpack(label + rest) == Envelope(fingerprint, publisher, sequence, sent_at)
    assert values(label + rest) == (fingerprint, publisher, sequence, sent_at)


@pytest.mark.parametrize("size", [0, 1, SIZE - 1])
def test_what_is_too_short_is_none_of_ours(size: int) -> None:
    assert unpack(bytes(size)) is None


def test_an_envelope_is_little_endian_and_in_the_order_of_its_fields() -> None:
    assert pack(1, 2, 3, 4) == b"".join(number.to_bytes(8, "little") for number in (1, 2, 3, 4))


@given(st.lists(st.integers() | st.text() | st.binary(), min_size=2, max_size=300))
def test_payloads_that_are_joined_are_an_array_of_as_many(
    contents: list[int | str | bytes],
) -> None:
    contents = [it % 2**63 if isinstance(it, int) else it for it in contents]
    payloads = [msgspec.msgpack.encode(content) for content in contents]
    assert msgspec.msgpack.decode(joined(payloads)) == contents
    assert msgspec.msgpack.decode(number_of(payloads)) == len(contents)
    assert number_in(number_of(payloads)) == len(contents)


@given(st.binary(max_size=5))
def test_where_no_number_is_said_there_is_one_message(rest: bytes) -> None:
    said = len(rest) == 3 and rest[0] == 0xCD and rest != b"\xcd\x00\x00"
    assert number_in(rest) == (int.from_bytes(rest[1:], "big") if said else 1)
