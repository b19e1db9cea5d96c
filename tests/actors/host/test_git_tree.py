"""What may be written of a commit's tree, looked at before any of it is."""

from collections.abc import Callable

import pytest

from peppy.actors.host.git_errors import Damaged
from peppy.actors.host.git_tree import Entry, parse_entries, select
from peppy.actors.host.limits import LARGEST_FILE, LONGEST_PATH, MOST_MEMBERS
from peppy.actors.host.ports import HostError
from peppy.actors.host.trees import DEEPEST

NAME = "0" * 40


def file(path: str, size: int = 1) -> Entry:
    return Entry(0o100644, "blob", NAME, size, path)


def directory(path: str) -> Entry:
    return Entry(0o040000, "tree", NAME, 0, path)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        *((path, "leads out") for path in ("..", "../x", "a/../x", "a//x", "/x", "./x", "a/.", "")),
        *((path, "repository of") for path in (".git", ".GIT/x", "a/.Git", ".git. .", "GIT~1")),
        *((path, "cannot be seen") for path in ("a\nb", "a\x1b[31mb", "\x7f")),
        ("/".join("d" for _ in range(DEEPEST + 1)), "directories"),
        ("x" * (LONGEST_PATH + 1), "longer"),
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(path: str, why: str) -> None:
    with pytest.raises(HostError, match=why) as caught:
        select([file("good"), file(path)], "place")
    assert caught.value.sentence.isprintable()


@pytest.mark.parametrize("kind", [file, directory])
def test_a_name_that_stands_twice_is_refused(kind: Callable[[str], Entry]) -> None:
    with pytest.raises(HostError, match="'a' twice"):
        select([directory("a"), kind("a")], "place")


def test_names_that_differ_by_case_or_look_odd_are_taken() -> None:
    odd = ["A", "a", "...", ".gitignore", ".github/x", "-x", ":(glob)", "CON", "a b", "\udce9"]
    assert [entry.path for entry in select([file(path) for path in odd], "place")] == odd


def test_too_many_and_too_much_are_refused() -> None:
    with pytest.raises(HostError, match="holds more than 100000 files"):
        select([file("a")] * (MOST_MEMBERS + 1), "place")
    with pytest.raises(HostError, match="'big' of 'place' has more than 2 GiB"):
        select([file("big", LARGEST_FILE + 1)], "place")
    with pytest.raises(HostError, match="have more than 4 GiB"):
        select([file(name, LARGEST_FILE) for name in "abc"], "place")
    # What stays behind takes no room.
    assert select([directory("build"), file("build/big", LARGEST_FILE + 1)], "place") == []


def test_what_stays_behind_takes_all_below_it_along() -> None:
    entries = [
        directory("a"),
        directory("a/build"),
        directory("a/build/deep"),
        file("a/build/deep/x"),
        file("a/builder"),
        directory("b"),
        file("b/CACHEDIR.TAG"),
        directory("b/c"),
        file("b/c/x"),
    ]
    assert [entry.path for entry in select(entries, "place")] == ["a", "a/builder"]


def test_a_listing_says_mode_kind_hash_size_and_name() -> None:
    other = "a" * 64
    listing = (
        f"100755 blob {NAME}       7\tdir/a\tb\0"
        f"040000 tree {NAME}       -\tdir\0"
        f"160000 commit {other}       -\tmodule\0"
        f"120000 blob {NAME}       1\tlink\0"
    ).encode()
    executable, tree, module, link = parse_entries(listing)
    assert executable == Entry(0o100755, "blob", NAME, 7, "dir/a\tb")
    assert (tree.kind, module.kind, module.object) == ("tree", "commit", other)
    assert [entry.is_file for entry in (executable, tree, module, link)] == [
        True,
        False,
        False,
        False,
    ]
    assert parse_entries(b"") == []
    with pytest.raises(Damaged):
        parse_entries(b"what?\0")
