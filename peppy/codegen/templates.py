"""The files of a fresh node, as `peppy node init` lays them down. Source: behaviour.md 10.5."""

import re
import sys
from typing import Final

from peppy.codegen.errors import NodeNameRefused, NoTemplate
from peppy.schema.identifiers import identifier
from peppy.schema.names import parse_name
from peppy.schema.wording import either, quoted

_UV: Final = "uv"
_CARGO: Final = "cargo"
_TOOLCHAINS: Final = (_UV, _CARGO)

_TAKEN: Final = frozenset(
    {
        *("anyio", "eclipse_zenoh", "msgspec", "peppy", "peppygen", "peppylib", "zenoh"),
        *("_pytest", "iniconfig", "packaging", "pluggy", "pygments", "pytest"),
    }
)
"""Packages in a node's environment, or its tests': a node of such a name would replace them."""

_DOCUMENT: Final = """\
// All that this node emits, exposes and consumes; run 'peppy node sync' after each change.
{{
  peppy_schema: "node_v1",
  manifest: {{
    name: "{name}",
    tag: "v1",
  }},
  interfaces: {{}},
  execution: {{
    language: "python",
    // Commands run in the node's directory, as lists of words.
    build_cmd: ["uv", "sync"],
    run_cmd: ["uv", "run", "{name}"],
  }},
}}
"""

_PYPROJECT: Final = """\
[project]
name = "{project}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
    "peppygen",
]

[project.scripts]
{name} = "{package}.__main__:main"

# For 'uv run pytest' here; what peppy builds does without.
[dependency-groups]
dev = [
    "pytest>=8",
]

[build-system]
requires = ["uv_build>=0.9,<1"]
build-backend = "uv_build"

[tool.uv.build-backend]
module-name = "{package}"

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.uv.sources]
peppygen = {{ path = ".peppy/libs/peppygen" }}
"""

_INIT: Final = '"""The node `{name}`."""\n'

_MAIN: Final = '''\
"""What the node `{name}` does."""

import asyncio

from peppygen import NodeBuilder, NodeRunner
from peppygen.parameters import Parameters


async def work(node_runner: NodeRunner) -> None:
    """Do the node's work until it is shut down."""
    print(f"{{node_runner.node_name()}} is running", flush=True)


async def setup(params: Parameters, node_runner: NodeRunner) -> list[asyncio.Task[None]]:
    """Start what goes on in the background; it is cancelled when the node shuts down."""
    return [asyncio.create_task(work(node_runner))]


def main() -> None:
    """Run the node."""
    NodeBuilder().run(setup)


if __name__ == "__main__":
    main()
'''

_TEST: Final = '''\
"""The node `{name}` by itself: no daemon, nobody else, no waiting."""

import pytest
from peppygen.testing import Boot

from {package}.__main__ import setup


async def test_the_node_says_that_it_is_running(
    boot: Boot, capsys: pytest.CaptureFixture[str]
) -> None:
    async with boot(setup):
        assert "{name} is running" in capsys.readouterr().out
'''

_GITIGNORE: Final = ".peppy/\n.pytest_cache/\n.venv/\n__pycache__/\n"


def node_template(name: str, toolchain: str, *, container: bool) -> dict[str, str]:
    """Return the files of a fresh node by their path in its directory; bindings are not among them.

    Raises `NotAName` or `NodeNameRefused` for the name, `NoTemplate` for a toolchain other than
    `uv` and for a container.
    """
    if toolchain == _CARGO:
        raise NoTemplate(
            "bindings for Rust come with a later version of peppy",
            "use '--toolchain uv' for a node in Python",
        )
    if toolchain != _UV:
        raise NoTemplate(f"{quoted(toolchain)} is not a toolchain", f"choose {either(_TOOLCHAINS)}")
    if container:
        raise NoTemplate(
            "nodes in containers come with a later version of peppy", "leave out '--container'"
        )
    package = _package(name)
    # A project's name ends with a letter or a digit; a node's need not.
    words = {"name": name, "package": package, "project": name.rstrip("-_")}
    return {
        ".gitignore": _GITIGNORE,
        "peppy.json5": _DOCUMENT.format(**words),
        "pyproject.toml": _PYPROJECT.format(**words),
        f"src/{package}/__init__.py": _INIT.format(**words),
        f"src/{package}/__main__.py": _MAIN.format(**words),
        f"tests/test_{package}.py": _TEST.format(**words),
    }


def _package(name: str) -> str:
    parse_name(name, "a node's name")
    if re.match("[A-Za-z]", name) is None:
        raise NodeNameRefused(
            name, "its name must begin with a letter", f"try '{_with_letter(name)}'"
        )
    package = identifier(name)
    # Packages of the environment count without regard to `-`, `_` and what ends the name.
    if package in sys.stdlib_module_names or package.rstrip("_") in _TAKEN:
        raise NodeNameRefused(
            name, f"Python has a module '{package}' already", f"try '{name}_node'"
        )
    return package


def _with_letter(name: str) -> str:
    return f"node_{name.lstrip('-_')}".rstrip("_")
