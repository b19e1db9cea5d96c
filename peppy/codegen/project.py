"""What makes an installable project of the generated modules."""

import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from peppy import VERSION

BACKEND: Final = "peppygen_build"

_DEPENDENCIES: Final = ("anyio>=4.6", "eclipse-zenoh>=1.9", "msgspec>=0.19")
"""What `peppy.runtime` imports, as this project's own `pyproject.toml` bounds it."""

_PYPROJECT: Final = """\
[project]
name = "peppygen"
version = "{version}"
requires-python = ">=3.11"
dependencies = [
{dependencies}
]

# Whoever has pytest beside the bindings has its fixtures; they ask for it no more than that.
[project.entry-points.pytest11]
peppy = "peppy.testing.plugin"

[build-system]
requires = []
build-backend = "{backend}"
backend-path = ["."]

# The version stays the same, so these files say when to build anew.
[tool.uv]
cache-keys = [
    {{ file = "pyproject.toml" }},
    {{ file = "peppy.json5.sha256" }},
    {{ file = "pep*/**/*.py" }},
]

[tool.ruff]
line-length = 100
"""


@cache
def project_files() -> Mapping[str, str]:
    """Return `pyproject.toml`, the build backend, and the copies of the packages of ours.

    Keys are paths relative to the project. Nothing is imported but `peppy` itself. Read once: they
    are those of the version that runs.
    """
    wanted = "".join(f'    "{requirement}",\n' for requirement in _DEPENDENCIES).rstrip("\n")
    ours = files("peppy")
    return {
        "pyproject.toml": _PYPROJECT.format(version=VERSION, dependencies=wanted, backend=BACKEND),
        f"{BACKEND}.py": _text(ours / "codegen" / "build_backend.py"),
        "peppy/__init__.py": _text(ours / "__init__.py"),
        "peppy/py.typed": "",
        **dict(_sources(ours / "schema", "peppy/schema")),
        **dict(_sources(ours / "runtime", "peppy/runtime")),
        **dict(_sources(ours / "testing", "peppy/testing", without="stack")),
        **dict(_sources(_unimported("peppylib"), "peppylib")),
    }


def _unimported(package: str) -> Traversable:
    # Importing `peppylib` brings the wire's library in and changes standard output; a module that
    # is only made, and never run, is enough to find its files.
    spec: ModuleSpec | None = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"no package named '{package}'", name=package)
    return files(importlib.util.module_from_spec(spec))


def _sources(directory: Traversable, path: str, without: str = "") -> Iterator[tuple[str, str]]:
    for entry in sorted(directory.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            if entry.name == without:
                continue
            yield from _sources(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py") or entry.name == "py.typed":
            yield f"{path}/{entry.name}", _text(entry)


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")
