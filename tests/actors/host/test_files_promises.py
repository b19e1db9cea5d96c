import pytest

from peppy.actors.host.memory_files import Directory, File, Link
from peppy.actors.host.ports import HostError
from peppy.schema.sources import LocalSource
from tests.actors.host.host_machines import Machine


async def test_what_is_written_is_read_with_its_mode(machine: Machine) -> None:
    path = machine.place / "deep" / "file"
    await machine.files.write(path, b"old")
    await machine.files.write(path, b"new", mode=0o600)
    assert await machine.files.read(path) == b"new"
    assert await machine.item(path) == File(b"new", 0o600)
    assert await machine.files.names(path.parent) == ["file"]


async def test_appending_makes_the_file_and_its_directories(machine: Machine) -> None:
    path = machine.place / "logs" / "a" / "log"
    await machine.files.append(path, b"one\n")
    await machine.files.append(path, b"two\n")
    assert await machine.files.read(path) == b"one\ntwo\n"


async def test_a_log_that_gets_too_long_makes_way_and_the_oldest_goes(machine: Machine) -> None:
    log = machine.place / "logs" / "stack_log.log"
    for number in range(20):
        await machine.files.append(log, f"line {number:2}\n".encode(), limit=24)
    names = await machine.files.names(log.parent)
    assert names == [log.name, *(f"{log.name}.{n}" for n in (1, 2, 3))]
    kept = [await machine.files.read(log.with_name(name)) for name in reversed(names)]
    assert b"".join(kept) == b"".join(f"line {n:2}\n".encode() for n in range(9, 20))
    await machine.files.append(log, b"x" * 100, limit=24)
    assert await machine.files.read(log) == b"x" * 100
    await machine.files.append(log, b"without a limit")
    assert (await machine.files.read(log)).endswith(b"xwithout a limit")


async def test_reading_what_is_not_there_names_the_path(machine: Machine) -> None:
    path = machine.place / "nothing"
    with pytest.raises(HostError, match=str(path)) as caught:
        await machine.files.read(path)
    assert str(caught.value) == f"cannot read '{path}': no such file or directory"


async def test_reading_a_directory_names_its_path_and_nothing_else(machine: Machine) -> None:
    path = machine.place / "directory"
    await machine.files.make_directory(path)
    with pytest.raises(HostError) as caught:
        await machine.files.read(path)
    assert str(caught.value) == f"cannot read '{path}': is a directory"


async def test_removing_is_fine_twice_and_follows_no_link(machine: Machine) -> None:
    kept, gone = machine.place / "kept", machine.place / "gone"
    await machine.files.write(kept / "file", b"")
    await machine.files.make_directory(gone)
    await machine.link(gone / "link", str(kept))
    await machine.link(machine.place / "alias", str(kept))
    for path in (gone, gone, machine.place / "alias"):
        await machine.files.remove(path)
        assert not await machine.files.exists(path)
    assert await machine.files.exists(kept / "file")


async def test_a_broken_link_exists(machine: Machine) -> None:
    await machine.link(machine.place / "link", "/nowhere/at/all")
    assert await machine.files.exists(machine.place / "link")


async def test_a_missing_directory_has_no_names(machine: Machine) -> None:
    assert await machine.files.names(machine.place / "nothing") == []
    await machine.files.write(machine.place / "file", b"")
    with pytest.raises(HostError):
        await machine.files.names(machine.place / "file")


async def test_files_are_found_by_the_end_of_their_names_those_above_first(
    machine: Machine,
) -> None:
    files, top = machine.files, machine.place / "top"
    for path in ("z.json5", "a/b/c.json5", "a/d.json5", "b.json5", "b.json", "a/b/e/f.json5"):
        await files.write(top / path, b"12345")
    found = await files.find(top, ".json5", depth=2, most=10)
    assert [file.path for file in found] == ["b.json5", "z.json5", "a/d.json5", "a/b/c.json5"]
    assert {file.size for file in found} == {5}
    for most in (1, 3):
        assert await files.find(top, ".json5", depth=2, most=most) == found[:most]
    with pytest.raises(HostError, match=r"cannot list '.*nothing'"):
        await files.find(machine.place / "nothing", ".json5", depth=2, most=3)


async def test_what_is_looked_for_is_not_found_through_links_nor_in_what_is_left_out(
    machine: Machine,
) -> None:
    files, top, away = machine.files, machine.place / "top", machine.place / "away"
    for place in (away, top / ".git", top / "build", top / "made", top / "kept"):
        await files.write(place / "a.json5", b"")
    await files.write(top / "made" / "CACHEDIR.TAG", b"")
    await files.make_directory(top / "directory.json5")
    await machine.link(top / "link.json5", str(away / "a.json5"))
    await machine.link(top / "away", str(away))
    await machine.link(top / "loop", "..")
    found = await files.find(top, ".json5", depth=9, most=9)
    assert [file.path for file in found] == ["kept/a.json5"]


async def test_a_tree_replaces_what_was_there(machine: Machine) -> None:
    tree = machine.place / "tree"
    await machine.files.write_tree(tree, {"a/old": "", "b": "1"})
    await machine.files.write_tree(tree, {"b": "2", "c/d": "ü"})
    assert await machine.files.names(tree) == ["b", "c"]
    assert await machine.files.read(tree / "c" / "d") == "ü".encode()
    assert await machine.files.names(machine.place) in (["tree"], ["bin", "tree"])


async def test_a_copy_keeps_links_and_takes_no_place_that_is_taken(machine: Machine) -> None:
    source, to = machine.place / "source", machine.place / "copies" / "to"
    await machine.files.write(source / "run", b"x", mode=0o755)
    await machine.link(source / "link", "run")
    await machine.files.copy(source, to)
    assert await machine.item(to / "run") == File(b"x", 0o755)
    assert await machine.item(to / "link") == Link("run")
    with pytest.raises(HostError):
        await machine.files.copy(source, to)
    with pytest.raises(HostError):
        await machine.files.copy(machine.place / "nothing", machine.place / "other")


@pytest.mark.parametrize("kind", ["file", "directory"])
async def test_moving_replaces_what_is_there(machine: Machine, kind: str) -> None:
    source, to = machine.place / "source", machine.place / "to"
    await machine.files.write(source / "new" if kind == "directory" else source, b"")
    await machine.files.write(to / "old", b"")
    await machine.files.move(source, to)
    assert not await machine.files.exists(source)
    assert await machine.files.names(machine.place) in (["to"], ["bin", "to"])
    expected = Directory() if kind == "directory" else File(b"")
    assert await machine.item(to) == expected
    assert not await machine.files.exists(to / "old")


async def test_moving_nothing_leaves_the_target(machine: Machine) -> None:
    await machine.files.write(machine.place / "to" / "old", b"")
    with pytest.raises(HostError):
        await machine.files.move(machine.place / "nothing", machine.place / "to")
    assert await machine.files.exists(machine.place / "to" / "old")


async def test_the_tail_is_the_last_lines(machine: Machine) -> None:
    path = machine.place / "log"
    assert await machine.files.tail(path, 3) == []
    await machine.files.write(path, b"")
    assert await machine.files.tail(path, 3) == []
    await machine.files.write(path, "".join(f"{n} \r\x0b\n" for n in range(50_000)).encode())
    assert await machine.files.tail(path, 2) == ["49998 \r\x0b", "49999 \r\x0b"]
    await machine.files.write(path, b"a\n\xff\n\nend")
    assert await machine.files.tail(path, 9) == ["a", "�", "", "end"]
    assert await machine.files.tail(path, 0) == []


async def test_an_unpacked_environment_names_its_new_place(machine: Machine) -> None:
    built, artifact = machine.place / "tmp" / "built", machine.place / "built_nodes" / "n.tar.zst"
    script, data = built / ".venv" / "bin" / "node", built / "notes.txt"
    await machine.files.write(built / ".venv" / "pyvenv.cfg", f"x = {built}/.venv\n".encode())
    await machine.files.write(script, f"#!{built}/.venv/bin/python\nrun {built}er\n".encode())
    await machine.files.write(script.parent / "binary", f"\0{built}".encode())
    await machine.files.write(data, f"see {built}\n".encode())
    await machine.link(built / ".venv" / "lib64", "lib")
    await machine.link(built / "current", f"{built}/.venv")
    await machine.files.make_directory(built / "empty")
    await machine.files.pack(built, artifact)
    await machine.files.remove(built)
    there = machine.place / "instances" / "one"
    await machine.files.unpack(artifact, there)
    text = (await machine.files.read(there / ".venv" / "bin" / "node")).decode()
    assert text == f"#!{there}/.venv/bin/python\nrun {built}er\n"
    config = await machine.files.read(there / ".venv" / "pyvenv.cfg")
    assert config == f"x = {there}/.venv\n".encode()
    binary = await machine.files.read(there / ".venv" / "bin" / "binary")
    assert binary == f"\0{built}".encode()
    assert await machine.files.read(there / "notes.txt") == f"see {built}\n".encode()
    assert await machine.item(there / ".venv" / "lib64") == Link("lib")
    assert await machine.item(there / "current") == Link(f"{there}/.venv")
    assert await machine.item(there / "empty") == Directory()
    assert await machine.files.names(machine.place / "instances") == ["one"]


async def test_a_mode_survives_packing(machine: Machine) -> None:
    built, artifact = machine.place / "built", machine.place / "n.tar.zst"
    await machine.files.write(built / "pyvenv.cfg", b"")
    await machine.files.write(built / "bin" / "run", f"#!{built}".encode(), mode=0o750)
    await machine.files.pack(built, artifact)
    await machine.files.unpack(artifact, machine.place / "there")
    item = await machine.item(machine.place / "there" / "bin" / "run")
    assert item == File(f"#!{machine.place}/there".encode(), 0o750)


async def test_no_part_of_a_bad_artifact_is_laid_out(machine: Machine) -> None:
    artifact, there = machine.place / "n.tar.zst", machine.place / "there"
    await machine.files.write(machine.place / "built" / "a", b"x" * 100_000)
    await machine.files.pack(machine.place / "built", artifact)
    whole = await machine.files.read(artifact)
    for part in (b"", b"nonsense", whole[: len(whole) // 2]):
        await machine.files.write(artifact, part)
        with pytest.raises(HostError, match="not a whole artifact"):
            await machine.files.unpack(artifact, there)
        assert not await machine.files.exists(there)
    with pytest.raises(HostError):
        await machine.files.pack(machine.place / "nothing", artifact)
    assert await machine.files.read(artifact) == whole[: len(whole) // 2]


async def test_a_snapshot_leaves_out_what_can_be_made_again(machine: Machine) -> None:
    source, into = machine.place / "source", machine.place / "built_nodes" / "snapshot"
    for name in ("peppy.json5", "src/a.py", "build.py", ".gitignore", "src/targets/t"):
        await machine.files.write(source / name, b"", mode=0o755)
    for name in (".peppy/x", ".git/x", "src/build/x", "target/x", "node_modules/x", ".venv/x"):
        await machine.files.write(source / name, b"")
    for name in ("env/pyvenv.cfg", "src/__pycache__/x", "heap/CACHEDIR.TAG"):
        await machine.files.write(source / name, b"")
    await machine.link(source / "link", "peppy.json5")
    await machine.host.sources.fetch(LocalSource(str(source)), into)
    assert await machine.files.names(into) == [".gitignore", "build.py", "peppy.json5", "src"]
    assert await machine.files.names(into / "src") == ["a.py", "targets"]
    assert await machine.item(into / "build.py") == File(b"", 0o755)
    with pytest.raises(HostError):
        await machine.host.sources.fetch(LocalSource(str(source)), into)


async def test_a_source_that_is_no_directory_is_named(machine: Machine) -> None:
    with pytest.raises(HostError, match="nothing' is not a directory"):
        await machine.host.sources.fetch(
            LocalSource(str(machine.place / "nothing")), machine.place / "into"
        )
    assert not await machine.files.exists(machine.place / "into")


async def test_a_snapshot_may_lie_within_its_source(machine: Machine) -> None:
    await machine.files.write(machine.place / "src" / "a", b"")
    await machine.host.sources.fetch(
        LocalSource(str(machine.place / "src")), machine.place / "src" / "s"
    )
    assert await machine.files.names(machine.place / "src" / "s") == ["a"]


async def test_a_digest_is_of_what_lies_in_a_directory(machine: Machine) -> None:
    async def lay(name: str, *, data: bytes = b"a", mode: int = 0o644, inner: str = "x/f") -> str:
        top = machine.place / name
        await machine.files.write(top / inner, data, mode=mode)
        await machine.files.write(top / "second", b"s")
        await machine.files.make_directory(top / "empty")
        await machine.link(top / "link", "second")
        return await machine.files.digest(top)

    same = await lay("one")
    assert same == await lay("another")
    others = [
        await lay("data", data=b"b"),
        await lay("runnable", mode=0o755),
        await lay("renamed", inner="x/g"),
        await lay("moved", inner="xf"),
    ]
    await machine.files.make_directory(machine.place / "another" / "more")
    others.append(await machine.files.digest(machine.place / "another"))
    assert len({same, *others}) == 6
    for nothing in ("nowhere", "one/second"):
        with pytest.raises(HostError, match="cannot read"):
            await machine.files.digest(machine.place / nothing)


async def test_both_kinds_of_disk_have_the_same_digest(machine: Machine) -> None:
    await machine.files.write(machine.place / "d" / "f", b"data", mode=0o755)
    await machine.link(machine.place / "d" / "l", "f")
    assert await machine.files.digest(machine.place / "d") == (
        "03f456067e735777ce30e1baefb827e2565d04c0ebb73227eec6a92a16cf721f"
    )
