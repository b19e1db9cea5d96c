"""A log file that grows, is cut and is replaced."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from peppy.cli.following import follow, last_lines
from peppy.schema.errors import PeppyError


@pytest.mark.parametrize(
    ("text", "count", "lines"),
    [
        (b"", 5, []),
        (b"a\nb\nc\n", 2, ["b", "c"]),
        (b"a\nb\nc\n", 0, []),
        (b"a\nb\nc\n", 3, ["a", "b", "c"]),
        (b"a\nb\nhalf", 2, ["a", "b"]),
        (b"a\r\n\xff\n", 2, ["a", "�"]),
    ],
)
def test_the_last_lines_are_whole(
    tmp_path: Path, text: bytes, count: int, lines: list[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(text)
    found, end = last_lines(log, count)
    assert found == lines
    assert end.offset == text.rfind(b"\n") + 1


def test_a_log_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PeppyError, match="cannot read"):
        last_lines(tmp_path, 1)


def test_what_comes_is_told_once_however_the_file_changes(tmp_path: Path) -> None:
    log, new = tmp_path / "log", tmp_path / "new"
    _, end = last_lines(log, 5, absent_is_empty=True)

    def happenings() -> Iterator[None]:
        yield  # nothing is there yet
        log.write_bytes(b"one\ntw")
        yield
        with log.open("ab") as file:
            file.write(b"o\nthree\n")
        yield
        yield
        log.write_bytes(b"cut\n")
        yield
        new.write_bytes(b"replaced by something that is longer\n")
        new.replace(log)
        yield
        log.unlink()
        yield
        log.write_bytes(b"\n\nlast\n")
        yield

    story = happenings()
    lines = follow(log, end, pause=lambda: next(story))
    expected = [
        "one",
        "two",
        "three",
        "cut",
        "replaced by something that is longer",
        "",
        "",
        "last",
    ]
    assert list(islice(lines, len(expected))) == expected


def test_following_begins_where_the_past_has_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"old\nha")
    past, end = last_lines(log, 5)
    with log.open("ab") as file:
        file.write(b"lf\n")
    assert (past, next(follow(log, end))) == (["old"], "half")
