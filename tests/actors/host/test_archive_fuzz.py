"""The reader of archives against anything: all that comes out is a tree, or a sentence.

`PEPPY_FUZZ` is how many examples of each kind are tried; without it, a few.
"""

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from peppy.actors.host import archive_contents as contents
from peppy.actors.host.archive_limits import ArchiveLimits, BadArchive
from peppy.actors.host.archive_names import Kind
from peppy.actors.host.exclusions import stays_behind
from peppy.actors.host.ports import HostError
from tests.actors.host.archive_samples import (
    END,
    GNU,
    POSIX,
    directory,
    file,
    gnu_long,
    header,
    link,
    packed,
    pax,
    record,
    records,
)
from tests.actors.host.archive_traps import HOSTILE

EXAMPLES = int(os.environ.get("PEPPY_FUZZ", "25"))

LIMITS = ArchiveLimits(total=2_000_000, largest=500_000, free=500_000, entries=300, time=5.0)

fuzz = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    database=None,
)

NAMES = st.one_of(
    st.sampled_from([b"a", b"b", b"a/b", b"./a", b"a/", b"..", b"/a", b"l", b"l/x", b"", b"."]),
    st.binary(max_size=100),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")[:100]),
)
TARGETS = st.sampled_from([b"a", b"..", b"../..", b"l", b"a/../..", b"/", b"", b"./b", b"l/x/.."])
KINDS = st.sampled_from([b"0", b"\0", b"5", b"2", b"1", b"3", b"6", b"x", b"g", b"L", b"K", b"S"])
OCTAL = st.one_of(
    st.integers(0, 5000).map(lambda n: b"%011o\0" % n),
    st.binary(min_size=12, max_size=12),
    st.sampled_from([b"77777777777\0", b"\x80" + bytes(11), b"\xff" * 12, b" " * 12]),
)


def _pax_data() -> st.SearchStrategy[bytes]:
    keys = st.sampled_from(["path", "linkpath", "size", "comment", "GNU.sparse.map", "hdrcharset"])
    whole = st.builds(record, keys, st.binary(max_size=50))
    return st.lists(st.one_of(whole, st.binary(max_size=30)), max_size=4).map(b"".join)


def _renamed(path: bytes) -> bytes:
    return pax(path=path)


def _odd(name: bytes, kind: bytes, size: bytes, magic: bytes, data: bytes) -> bytes:
    return header(name, kind, size=size, magic=magic, link=name) + data


PARTS = st.lists(
    st.one_of(
        st.builds(file, NAMES, st.binary(max_size=1500)),
        st.builds(directory, NAMES),
        st.builds(link, NAMES, TARGETS),
        st.builds(_renamed, st.binary(max_size=200)),
        st.builds(records, _pax_data(), st.sampled_from([b"x", b"g"])),
        st.builds(gnu_long, st.binary(max_size=200), st.sampled_from([b"L", b"K"])),
        st.builds(
            _odd,
            NAMES,
            KINDS,
            OCTAL,
            st.sampled_from([POSIX, GNU]),
            st.binary(max_size=600),
        ),
    ),
    max_size=8,
)

GOOD = packed(
    directory(b"arm/"),
    file(b"arm/peppy.json5", b"{}"),
    pax(path="arm/" + "long/" * 30 + "name"),
    file(b"short", b"data" * 300),
    gnu_long(b"arm/" + b"n" * 150 + b"\0"),
    file(b"short", b"more", magic=GNU),
    link(b"arm/l", b"peppy.json5"),
)
UNPACKED = zstandard.ZstdDecompressor().decompress(GOOD, max_output_size=1 << 20)


def look(archive: bytes) -> None:
    """Read and unpack an archive; what comes of it stays where it belongs."""
    with tempfile.TemporaryDirectory() as top:
        into = Path(top, "inner", "into")
        opened = io.BytesIO(archive)
        try:
            found = contents.listing(opened, LIMITS)
            for path, kind in found.items():
                assert ".." not in path.split("/")
                assert not path.startswith("/")
                if kind is Kind.FILE:
                    contents.text(opened, path, LIMITS)
                    break
            contents.unpack(opened, contents.staying(found, "", stays_behind), into, LIMITS)
            said = ""
        except HostError as error:
            said = error.why if isinstance(error, BadArchive) else "\0"
        assert said.isprintable()
        assert into.exists() == (not said)
        assert {path.name for path in Path(top).iterdir()} <= {"inner"}
        assert {path.name for path in Path(top, "inner").glob("*")} <= {"into"}
        assert not any(path.is_symlink() for path in Path(top).rglob("*"))


@fuzz
@given(st.binary(max_size=3000))
@example(b"")
def test_bytes_of_any_kind_are_a_tree_or_a_sentence(data: bytes) -> None:
    look(data)
    look(zstandard.compress(data))
    look(zstandard.compress(data + END))


@fuzz
@given(PARTS)
def test_entries_of_any_kind_are_a_tree_or_a_sentence(parts: list[bytes]) -> None:
    # Python's limit of a path is the system's: names from anywhere may pass it.
    look(packed(*parts))


Mutation = Callable[[bytes], bytes]


def _changed(at: int, byte: int) -> Mutation:
    return lambda data: b"".join(
        (data[: at % len(data)], bytes([byte]), data[at % len(data) + 1 :])
    )


def _cut(at: int, count: int) -> Mutation:
    return lambda data: data[: at % len(data)] + data[at % len(data) + count :] or b"\0"


def _doubled(at: int, count: int) -> Mutation:
    return lambda data: data[: at % len(data) + count] + data[at % len(data) :]


def _put(at: int, new: bytes) -> Mutation:
    return lambda data: data[: at % len(data)] + new + data[at % len(data) :]


PLACE = st.integers(0, 1 << 16)
COUNT = st.sampled_from([1, 2, 12, 100, 512, 1024])
MUTATIONS = st.lists(
    st.one_of(
        st.builds(_changed, PLACE, st.integers(0, 255)),
        st.builds(_cut, PLACE, COUNT),
        st.builds(_doubled, PLACE, COUNT),
        st.builds(_put, PLACE, st.binary(min_size=1, max_size=20)),
    ),
    min_size=1,
    max_size=6,
)


def _mutated(data: bytes, mutations: list[Mutation]) -> bytes:
    for mutation in mutations:
        data = mutation(data)
    return data


@fuzz
@given(MUTATIONS)
def test_a_good_archive_that_was_changed_is_a_tree_or_a_sentence(mutations: list[Mutation]) -> None:
    look(_mutated(GOOD, mutations))
    look(zstandard.compress(_mutated(UNPACKED, mutations)))


def summed(data: bytes) -> bytes:
    """Make the checksum of every header right, as whoever means harm would."""
    blocks = [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
    for at, block in enumerate(blocks):
        if block[257:262] == b"ustar":
            total = sum(block) - sum(block[148:156]) + 8 * 32
            blocks[at] = block[:148] + b"%06o\0 " % total + block[156:]
    return b"".join(blocks)


@fuzz
@given(MUTATIONS)
def test_checksums_that_are_right_help_nobody(mutations: list[Mutation]) -> None:
    look(zstandard.compress(summed(_mutated(UNPACKED, mutations))))


@fuzz
@given(st.sampled_from(sorted(HOSTILE)), MUTATIONS)
def test_a_trap_that_was_changed_is_a_tree_or_a_sentence(
    name: str, mutations: list[Mutation]
) -> None:
    look(_mutated(HOSTILE[name][0] or b"\0", mutations))


def test_what_the_fuzz_begins_with_is_good() -> None:
    found = contents.listing(io.BytesIO(GOOD), LIMITS)
    assert sum(kind is Kind.FILE for kind in found.values()) == 3
    with pytest.raises(BadArchive):
        contents.listing(io.BytesIO(GOOD[:-1]), LIMITS)
