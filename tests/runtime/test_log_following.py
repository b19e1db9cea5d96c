"""A log file that grows, is cut and is replaced."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from peppy.runtime.log_following import follow, last_lines
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


def rotate(log: Path) -> None:
    for number in (2, 1):
        older = log.with_name(f"log.{number}")
        if older.exists():
            older.rename(log.with_name(f"log.{number + 1}"))
    log.rename(log.with_name("log.1"))


def test_what_comes_right_before_a_log_is_rotated_is_not_missed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"old\n")
    _, end = last_lines(log, 5)

    def happenings() -> Iterator[None]:
        with log.open("ab") as file:
            file.write(b"1\n")
        rotate(log)
        log.write_bytes(b"2\n")
        yield
        yield
        for number in (3, 5):
            with log.open("ab") as file:
                file.write(b"%d\n" % number)
            rotate(log)
            log.write_bytes(b"%d\n" % (number + 1))
        yield
        rotate(log)
        yield  # there is none for a moment
        log.write_bytes(b"7\n")
        yield

    story = happenings()
    next(story)
    lines = follow(log, end, pause=lambda: next(story))
    assert list(islice(lines, 7)) == list("1234567")


def test_the_last_lines_of_a_log_that_has_just_begun_are_those_of_the_one_before(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\nb\n")
    rotate(log)
    log.write_bytes(b"c\n")
    lines, end = last_lines(log, 2)
    assert (lines, end.offset) == (["b", "c"], 2)


def test_following_begins_where_the_past_has_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"old\nha")
    past, end = last_lines(log, 5)
    with log.open("ab") as file:
        file.write(b"lf\n")
    assert (past, next(follow(log, end))) == (["old"], "half")
