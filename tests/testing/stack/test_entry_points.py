from collections.abc import Sequence
from pathlib import Path

import pytest

from peppy.testing.stack.entry_points import NotInProcess, entry_point

PYPROJECT = """
[project]
name = "lamp"
version = "0.1.0"

[project.scripts]
lamp = "lamp.app:App.main"
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    (tmp_path / "src" / "lamp").mkdir(parents=True)
    (tmp_path / "src" / "lamp" / "__init__.py").write_text("")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "start.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    return tmp_path


@pytest.mark.parametrize(
    "run_cmd",
    [
        ["uv", "run", "lamp"],
        ["uv", "run", "--no-sync", "--no-dev", "--extra", "leds", "lamp"],
        ["uv", "run", "--", "lamp"],
        [".venv/bin/lamp"],
    ],
)
def test_a_script_of_the_project_is_its_function(node: Path, run_cmd: Sequence[str]) -> None:
    found = entry_point(node, [*run_cmd, "--bright"])
    assert (found.module, found.function) == ("lamp.app", "App.main")
    assert found.arguments == ("--bright",)
    assert found.roots == (node / "src", node)


@pytest.mark.parametrize(
    "run_cmd",
    [
        ["python", "-m", "lamp"],
        ["python3.12", "-X", "dev", "-u", "-m", "lamp"],
        [".venv/bin/python", "-m", "lamp"],
        ["uv", "run", "python", "-m", "lamp"],
        ["uv", "run", "-m", "lamp"],
        ["uv", "run", "--no-sync", "--module", "lamp"],
    ],
)
def test_a_module_is_run_from_the_nodes_directory(node: Path, run_cmd: Sequence[str]) -> None:
    found = entry_point(node, run_cmd)
    assert (found.module, found.function, found.script) == ("lamp", "", None)
    assert found.roots[0] == node
    assert node / "src" in found.roots


@pytest.mark.parametrize(
    "run_cmd",
    [
        ["python", "tools/start.py"],
        [".venv/bin/python", "-u", "tools/start.py"],
        ["uv", "run", "tools/start.py"],
        ["uv", "run", "--no-dev", "python", "tools/start.py"],
    ],
)
def test_a_file_is_run_beside_its_neighbours(node: Path, run_cmd: Sequence[str]) -> None:
    found = entry_point(node, [*run_cmd, "now"])
    assert found.script == node / "tools" / "start.py"
    assert found.roots[0] == node / "tools"
    assert found.arguments == ("now",)


@pytest.mark.parametrize(
    "run_cmd",
    [
        ["cargo", "run"],
        ["bash", "-c", "python -m lamp"],
        ["python", "-c", "print(1)"],
        ["uv", "run"],
        ["uv", "run", "torch"],
        ["python", "missing.py"],
        [],
    ],
)
def test_what_is_no_python_code_is_refused_by_its_name(node: Path, run_cmd: Sequence[str]) -> None:
    with pytest.raises(NotInProcess, match="process of its own") as refused:
        entry_point(node, run_cmd)
    assert " ".join(run_cmd) in str(refused.value)


def test_code_is_found_where_the_project_says_that_it_lies(node: Path) -> None:
    (node / "code").mkdir()
    with (node / "pyproject.toml").open("a") as file:
        file.write('[tool.uv.build-backend]\nmodule-root = "code"\n')
    assert entry_point(node, ["uv", "run", "lamp"]).roots[0] == node / "code"


def test_a_project_that_cannot_be_read_is_refused(node: Path) -> None:
    (node / "pyproject.toml").write_text("[project")
    with pytest.raises(NotInProcess, match=r"'pyproject\.toml' that is none"):
        entry_point(node, ["uv", "run", "lamp"])
