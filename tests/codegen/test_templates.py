"""Fresh nodes: which files, and which names and toolchains are refused."""

import tomllib

import pytest

from peppy.codegen.errors import NodeNameRefused, NoTemplate
from peppy.codegen.templates import node_template
from peppy.schema.names import NotAName
from peppy.schema.node_reader import read_node_document


@pytest.mark.parametrize("name", ["hello_world", "My-Node_", "class", "a"])
def test_the_files_of_a_fresh_node_fit_one_another(name: str) -> None:
    files = node_template(name, "uv", container=False)
    node = read_node_document(files["peppy.json5"].encode(), "peppy.json5")
    assert str(node.manifest.id) == f"{name}:v1"
    assert node.execution is not None
    assert node.execution.build_cmd == ("uv", "sync")
    assert node.execution.run_cmd == ("uv", "run", name)
    project = tomllib.loads(files["pyproject.toml"])
    package, _, function = project["project"]["scripts"][name].partition(".")
    assert function == "__main__:main"
    assert f"src/{package}/__init__.py" in files
    compile(files[f"src/{package}/__main__.py"], "__main__.py", "exec")
    assert {".peppy/", ".pytest_cache/"} <= set(files[".gitignore"].splitlines())
    test = files[f"tests/test_{package}.py"]
    compile(test, "test.py", "exec")
    assert f"from {package}.__main__ import setup" in test
    assert project["project"]["dependencies"] == ["peppygen"]
    assert project["dependency-groups"]["dev"] == ["pytest>=8"]


@pytest.mark.parametrize(
    "name", ["1st", "_hidden", "-x", "asyncio", "peppylib", "eclipse-zenoh", "pytest"]
)
def test_a_name_that_no_package_can_have_is_refused_with_another_one(name: str) -> None:
    with pytest.raises(NodeNameRefused) as refused:
        node_template(name, "uv", container=False)
    assert refused.value.hint is not None
    node_template(refused.value.hint.split("'")[1], "uv", container=False)


@pytest.mark.parametrize("name", ["", "a b", "../x"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(NotAName):
        node_template(name, "uv", container=False)


def test_what_comes_later_is_refused_now() -> None:
    with pytest.raises(NoTemplate, match="bindings for Rust come with a later version"):
        node_template("a", "cargo", container=False)
    with pytest.raises(NoTemplate, match="containers come with a later version"):
        node_template("a", "uv", container=True)


def test_a_toolchain_that_there_is_none_of_is_refused_with_the_choices() -> None:
    with pytest.raises(NoTemplate, match="'poetry' is not a toolchain") as refused:
        node_template("a", "poetry", container=False)
    assert refused.value.hint == "choose 'uv' or 'cargo'"
