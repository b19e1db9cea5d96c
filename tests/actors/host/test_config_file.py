"""The settings file of a home, on a real disk and in memory."""

import os
from pathlib import Path

import pytest

from peppy.actors.host.config_file import load_config
from peppy.actors.host.files import RealFiles
from peppy.actors.host.home import Home
from peppy.actors.host.memory_files import File, MemoryFiles
from peppy.actors.host.ports import HostError
from peppy.schema.daemon_config import DaemonConfig, Lifecycle
from peppy.schema.daemon_config_text import fresh
from peppy.schema.errors import DocumentError
from tests.actors.host.host_machines import Machine


class ReadOnlyFiles(MemoryFiles):
    """A file system that somebody has mounted for reading."""

    async def write(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        del data, mode
        raise HostError(f"cannot write '{path}': read-only file system")


async def test_the_first_start_makes_the_file_and_the_next_reads_it(machine: Machine) -> None:
    home = Home(machine.place)
    assert await load_config(home, machine.files) == (DaemonConfig(), ())
    assert (await machine.files.read(home.config)).decode() == fresh()
    assert await load_config(home, machine.files) == (DaemonConfig(), ())
    assert (await machine.files.read(home.config)).decode() == fresh()


async def test_what_lacks_is_added_and_strange_keys_are_told(machine: Machine) -> None:
    home = Home(machine.place)
    await machine.files.write(home.config, b"{ lifecycle: { shutdown_grace_secs: 9 }, mod: 1 }")
    config, warnings = await load_config(home, machine.files)
    assert config.lifecycle == Lifecycle(shutdown_grace_secs=9.0)
    assert warnings == (f"{home.config}:1:42: mod: 'mod' is not known here; did you mean 'mode'?",)
    text = (await machine.files.read(home.config)).decode()
    assert "daemon_grace_secs: 180" in text
    assert "mod: 1" in text


async def test_a_file_with_problems_is_refused_and_left_as_it_is(machine: Machine) -> None:
    home = Home(machine.place)
    broken = b"{ mode: 'bus', lifecycle: { daemon_grace_secs: 3 } }"
    await machine.files.write(home.config, broken)
    with pytest.raises(DocumentError) as caught:
        await load_config(home, machine.files)
    assert caught.value.source == str(home.config)
    assert len(caught.value.problems) == 2
    assert await machine.files.read(home.config) == broken


async def test_a_directory_in_its_place_is_refused(machine: Machine) -> None:
    home = Home(machine.place)
    await machine.files.make_directory(home.config)
    with pytest.raises(HostError, match="cannot read"):
        await load_config(home, machine.files)


@pytest.mark.parametrize("text", [b"{ mode: 'router' }", None])
async def test_a_home_that_cannot_be_written_is_read_and_one_sentence_says_so(
    text: bytes | None,
) -> None:
    files, home = ReadOnlyFiles(), Home(Path("/robot"))
    if text is not None:
        files.put(home.config, File(text))
    config, warnings = await load_config(home, files)
    assert config.mode == ("peer" if text is None else "router")
    (warning,) = warnings
    assert "read-only file system; the settings that it lacks have their defaults" in warning


async def test_a_complete_file_is_never_written() -> None:
    files, home = ReadOnlyFiles(), Home(Path("/robot"))
    files.put(home.config, File(fresh().encode()))
    assert await load_config(home, files) == (DaemonConfig(), ())


async def test_a_link_stays_a_link_and_a_mode_the_same(tmp_path: Path) -> None:
    home, kept = Home(tmp_path / "home"), tmp_path / "kept.json5"
    home.config.parent.mkdir(parents=True)
    kept.write_text("{}")
    kept.chmod(0o600)
    home.config.symlink_to(os.path.relpath(kept, home.config.parent))
    await load_config(home, RealFiles())
    assert home.config.is_symlink()
    assert "daemon_grace_secs: 180" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600
