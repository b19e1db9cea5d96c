"""The tree behind the files in memory, against a plain mapping."""

from pathlib import Path

import pytest

from peppy.actors.host.memory_tree import Blocked, Directory, File, Tree, below, copied

ONE, TWO = File(b"1"), File(b"2")


def test_what_is_put_is_there_and_so_are_the_directories_above_it() -> None:
    tree = Tree()
    tree[Path("/a/b/c")] = ONE
    assert tree[Path("/a/b/c")] == ONE
    assert list(tree) == [Path(p) for p in ("/", "/a", "/a/b", "/a/b/c")]
    assert len(tree) == 4
    assert tree[Path("/a")] == Directory()
    assert Path("/a/c") not in tree
    assert Path("/a/b/c/d") not in tree


def test_a_directory_that_is_put_again_keeps_what_is_in_it() -> None:
    tree = Tree()
    tree[Path("/a/b")] = ONE
    tree[Path("/a")] = Directory()
    assert Path("/a/b") in tree


def test_nothing_can_be_put_below_a_file() -> None:
    tree = Tree()
    tree[Path("/a")] = ONE
    with pytest.raises(Blocked):
        tree[Path("/a/b")] = TWO
    assert tree[Path("/a")] == ONE


def test_a_directory_is_removed_with_all_that_is_in_it() -> None:
    tree = Tree()
    tree[Path("/a/b/c")] = ONE
    tree[Path("/ab")] = TWO
    del tree[Path("/a")]
    assert list(tree) == [Path("/"), Path("/ab")]
    with pytest.raises(KeyError):
        del tree[Path("/a")]


def test_all_is_in_the_order_of_its_path() -> None:
    tree = Tree()
    for path in ("/d/a.b/x", "/d/a/y", "/d/a", "/d/B"):
        if path != "/d/a":
            tree[Path(path)] = ONE
    entry = tree.entry(Path("/d"))
    assert isinstance(entry, dict)
    relative = [path for path, _ in below(entry)]
    assert relative == ["B", "a", "a/y", "a.b", "a.b/x"]
    assert relative == [str(p) for p in sorted(Path(p) for p in relative)]


def test_a_copy_does_not_change_with_what_it_was_made_of() -> None:
    tree = Tree()
    tree[Path("/a/b/c")] = ONE
    entry = tree.entry(Path("/a"))
    assert entry is not None
    tree.put(Path("/copy"), copied(entry))
    tree[Path("/a/b/c")] = TWO
    tree[Path("/a/b/d")] = TWO
    assert tree[Path("/copy/b/c")] == ONE
    assert Path("/copy/b/d") not in tree
