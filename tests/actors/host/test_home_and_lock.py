import subprocess
import sys
from pathlib import Path

import pytest

from peppy.actors.host.environment import bundled_uv, child_environment, expand
from peppy.actors.host.home import Home
from peppy.actors.host.lock import HomeTaken, NotAHome, hold_lock
from peppy.actors.host.ports import HostError
from peppy.actors.host.relocation import rewrite
from peppy.schema.names import Name, NodeId, Tag


def test_the_home_is_where_the_environment_says() -> None:
    assert Home.from_environment({"HOME": "/u"}).root == Path("/u/.peppy")
    home = Home.from_environment({"HOME": "/u", "PEPPY_HOME": "/p"})
    assert home.socket == Path("/p/daemon.sock")
    assert home.artifact(NodeId(Name("a"), Tag("v1"))) == Path("/p/built_nodes/a_v1.tar.zst")
    assert home.daemon_log == Path("/p/logs/daemon.log")
    moved = Home.from_environment({"PEPPY_HOME": "/p", "PEPPY_DAEMON_STATE_FILE": "/s.json"})
    assert moved.daemon_state == Path("/s.json")
    with pytest.raises(HostError):
        Home.from_environment({})


def test_the_second_daemon_learns_the_pid_of_the_first(tmp_path: Path) -> None:
    text = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from peppy.actors.host.home import Home\n"
        "from peppy.actors.host.lock import hold_lock\n"
        f"with hold_lock(Home(Path({str(tmp_path)!r}))): print('held', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(HomeTaken) as caught, hold_lock(Home(tmp_path)):
            pass
        assert caught.value.pid == other.pid
        other.kill()
    with hold_lock(Home(tmp_path)):
        pass
    with hold_lock(Home(tmp_path / "new" / "home")):
        pass


def test_a_child_gets_the_caller_s_environment_without_what_misleads() -> None:
    caller = {
        "PATH": "/bin", "PWD": "/x", "LD_PRELOAD": "x", "DYLD_A": "x", "KEEP": "1",
        "PEPPY_INSTANCE_TOKEN": "x", "SET": "old", "UV_PROJECT_ENVIRONMENT": "/x",
        "VIRTUAL_ENV": "/x",
    }  # fmt: skip
    child = child_environment(caller, {"SET": "new"}, uv_directory="/uv")
    assert child == {"PATH": "/bin:/uv", "KEEP": "1", "SET": "new", "PYTHONUNBUFFERED": "1"}
    assert child_environment({}, {}, uv_directory=None) == {"PYTHONUNBUFFERED": "1"}


def test_one_element_is_a_shell_s_and_several_are_expanded() -> None:
    assert expand(("make ${A}",), {"A": "1"}) == ("/bin/sh", "-c", "make ${A}")
    assert expand(("make", "x${A}y", "${B}", "$A"), {"A": "1"}) == ("make", "x1y", "${B}", "$A")


def test_the_uv_that_came_with_us_is_found() -> None:
    directory = bundled_uv()
    assert directory is None or (Path(directory) / "uv").exists()


@pytest.mark.parametrize("name", ["long" * 40, "with space"])
def test_a_path_that_no_kernel_reads_is_started_by_the_shell(tmp_path: Path, name: str) -> None:
    new = tmp_path / name
    (new / "bin").mkdir(parents=True)
    (new / "bin" / "python3").symlink_to(sys.executable)
    script = tmp_path / "script"
    text = b"#!/old/bin/python3\nimport sys\nprint(sys.argv[1])\n"
    script.write_bytes(rewrite(text, Path("/old"), new))
    assert script.read_bytes().startswith(b"#!/bin/sh\n")
    script.chmod(0o755)
    assert subprocess.run([script, "hi"], capture_output=True, check=True).stdout == b"hi\n"


def test_a_directory_in_a_url_moves_too() -> None:
    data = rewrite(b'{"url": "file:///a%20b/c"}', Path("/a b"), Path("/x\\1 y"))
    assert data == b'{"url": "file:///x%5C1%20y/c"}'


def test_a_directory_with_somebodys_files_is_not_made_a_home(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    (tmp_path / "tmp").mkdir()
    with pytest.raises(NotAHome, match=r"thesis\.tex"), hold_lock(Home(tmp_path)):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis.tex", "tmp"]


def test_a_home_that_has_been_one_may_hold_anything(tmp_path: Path) -> None:
    with hold_lock(Home(tmp_path)):
        pass
    (tmp_path / "notes.txt").write_text("")
    with hold_lock(Home(tmp_path)):
        assert (tmp_path / "notes.txt").exists()


def test_a_url_is_quoted_and_a_path_is_not() -> None:
    data = rewrite(b"/a/x file:///a/y /ab", Path("/a"), Path("/a/b c"))
    assert data == b"/a/b c/x file:///a/b%20c/y /ab"


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {source!r})
from peppy.actors.host.home import Home
from peppy.actors.host.lock import HomeTaken, hold_lock

resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
with hold_lock(Home(Path({root!r}))):
    try:
        with hold_lock(Home(Path({root!r}))):
            pass
    except HomeTaken as taken:
        print(taken)
"""


def test_a_home_on_a_full_disk_can_be_held_as_well(tmp_path: Path) -> None:
    source = str(Path(__file__).resolve().parents[3])
    code = FULL.format(source=source, root=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"another daemon is already running for '{tmp_path}'\n", done.stderr
