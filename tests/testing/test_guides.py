"""The guides to testing, and the example robot's own tests: laid down, and run by pytest."""

import shutil
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

from peppy.codegen.bindings import generate
from peppy.codegen.templates import node_template
from peppy.schema.node_reader import read_node_document
from peppy.testing import plugin
from tests.pages import ROOT, Block, blocks

pytest_plugins = ["pytester"]

NODES: Final = "docs/testing_nodes.md"
STACKS: Final = "docs/testing_stacks.md"

EXAMPLES: Final = ROOT / "examples"
ROBOT: Final = "robot"
"""The project of the one page, which is the example."""

BINDINGS: Final = ".peppy/libs/peppygen"

UNBUILT: Final = shutil.ignore_patterns(".peppy", ".venv", "__pycache__")

# What a run in this process imports first is forgotten after it; some cannot be imported twice.
for used in ("peppylib", "peppy.testing.booting", "peppy.testing.probes", "peppy.testing.stack"):
    import_module(used)


def files(page: str) -> dict[str, str]:
    """Return what a page shows of files, by their paths."""
    return {block.file: block.text for block in blocks(page) if block.file is not None}


@cache
def failures(page: str) -> dict[str, Block]:
    """Return what a page says of tests that fail, by their files: it stands right after them."""
    return {
        shown.file: said
        for shown, said in pairwise(blocks(page))
        if shown.file is not None and said.language == "text"
    }


def shown_tests(page: str) -> dict[str, list[str]]:
    """Return the files of tests that a page shows and that pass, by their projects."""
    found: dict[str, list[str]] = {}
    for file in files(page):
        project, *inside = PurePosixPath(file).parts
        if inside[0] == "tests" and file not in failures(page):
            found.setdefault(project, []).append("/".join(inside))
    return found


def write(texts: dict[str, str], place: Path) -> None:
    for name, text in texts.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def bind(project: Path) -> None:
    """Generate the bindings of a node; those that it depends on are beside it."""
    paths = project.parent.glob("*/peppy.json5")
    documents = [read_node_document(path.read_bytes(), str(path)) for path in paths]
    (own,) = [each for each in documents if each.manifest.id.name == project.name]
    tree = generate(own, {each.manifest.id: each for each in documents})
    mine = {name: text for name, text in tree.items() if name.startswith("peppygen/")}
    write(mine, project / BINDINGS)


def lay_down(page: str, project: str, place: Path) -> Path:
    """Write what a page shows over what was there before that; return the project's directory."""
    if project == ROBOT:
        shutil.copytree(EXAMPLES / ROBOT, place / ROBOT, ignore=UNBUILT)
        write(files(page), place)
    else:
        write(node_template(project, "uv", container=False), place / project)
        write(files(page), place)
        bind(place / project)
    return place / project


def run(pytester: pytest.Pytester, project: Path, *options: str) -> pytest.RunResult:
    """Run tests of a project in this process, as in its own directory."""
    # The plugin not by way of its entry point, which this environment may lack, but in any case.
    quick = ("-p", "no:peppy", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "error")
    # Files of the same names are tests of ours, which are loaded already, as plugins are.
    alone = ("--import-mode=importlib", "-W", "ignore:Module already imported")
    named = project / ("pytest.ini" if project.name == ROBOT else "pyproject.toml")
    where = (f"--rootdir={project}", f"-c{named}", f"-opythonpath=src {BINDINGS}")
    return pytester.runpytest_inprocess(*quick, *alone, *where, *options, plugins=(plugin,))


@pytest.mark.parametrize("project", shown_tests(NODES))
def test_the_example_of_a_node_passes(project: str, pytester: pytest.Pytester) -> None:
    place = lay_down(NODES, project, pytester.path)
    shown = [str(place / file) for file in shown_tests(NODES)[project]]
    assert run(pytester, place, *shown).ret == pytest.ExitCode.OK


def test_the_examples_of_stacks_pass_but_for_the_real_ones(pytester: pytest.Pytester) -> None:
    place = lay_down(STACKS, ROBOT, pytester.path)
    shown = [str(place / file) for file in shown_tests(STACKS)[ROBOT] if "conftest" not in file]
    result = run(pytester, place, *shown, "-k", "not a_real_robot")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["deselected"] == 2


@pytest.mark.parametrize("page", [NODES, STACKS])
def test_an_example_that_fails_says_what_the_page_says(
    page: str, pytester: pytest.Pytester
) -> None:
    ((file, says),) = failures(page).items()
    place = lay_down(page, PurePosixPath(file).parts[0], pytester.path)
    result = run(pytester, place, str(pytester.path / file))
    result.assert_outcomes(failed=1)
    where = place.relative_to(pytester.path)
    told = result.stdout.str().replace(f"pytest {where}/", "pytest ")
    assert [line for line in says.text.splitlines() if line not in told] == []


def test_the_first_test_of_the_page_is_the_one_of_a_fresh_node() -> None:
    fresh = node_template("hello", "uv", container=False)
    assert files(NODES)["hello/tests/test_hello.py"] == fresh["tests/test_hello.py"]


@pytest.mark.parametrize("page", [NODES, STACKS])
def test_each_listing_is_a_file_of_a_tested_project_or_what_a_test_says(page: str) -> None:
    documents = {file for file in files(page) if file.endswith("/peppy.json5")}
    for block in blocks(page):
        if block.file is not None:
            tested = block.file.partition("/")[0] in shown_tests(page)
            assert tested or block.file in documents, block.file
        elif block.language == "text":
            assert block in failures(page).values(), block.text
        else:
            # `tests/e2e/test_node_tests.py` types these.
            assert (page, block.language) == (NODES, "sh"), block.text


@pytest.mark.parametrize("node", ["arm_controller", "brain", "robot_arm"])
def test_the_robots_nodes_pass_their_own_tests(node: str, pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLES / ROBOT, pytester.path / ROBOT, ignore=UNBUILT)
    place = pytester.path / ROBOT / node
    bind(place)
    assert run(pytester, place, str(place / "tests")).ret == pytest.ExitCode.OK


def test_the_robot_passes_its_own_tests(pytester: pytest.Pytester) -> None:
    shutil.copytree(EXAMPLES / ROBOT, pytester.path / ROBOT, ignore=UNBUILT)
    place = pytester.path / ROBOT
    assert run(pytester, place, str(place / "tests")).ret == pytest.ExitCode.OK
    for name in ("pytest.ini", "tests/conftest.py"):
        assert (place / name).read_text() == files(STACKS)[f"{ROBOT}/{name}"]
