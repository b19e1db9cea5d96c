"""What Python code a node's `run_cmd` runs, where many nodes share one process."""

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from peppy.schema.errors import PeppyError

AS_A_PROCESS: Final = "run that node as a process of its own: embedded_stack(..., processes={...})"

_UV_VALUED: Final = frozenset(
    {
        "--directory", "--env-file", "--extra", "--group", "--index", "--no-extra", "--no-group",
        "--only-group", "--package", "--project", "--python", "--with", "-p",
    }
)  # fmt: skip
"""Options of `uv run` that a value follows."""

_PYTHON: Final = re.compile(r"python(\d+(\.\d+)?)?")

_PYTHON_VALUED: Final = frozenset({"-W", "-X"})


class NotInProcess(PeppyError):
    """A node that cannot live in the process of others."""

    kind = "not_in_process"

    def __init__(self, directory: Path, what: str) -> None:
        super().__init__(f"the node in '{directory}' {what}", hint=AS_A_PROCESS)


class EntryPoint(msgspec.Struct, frozen=True):
    """Where a node's own code lies, and with what it begins."""

    directory: Path
    """The node's: what its process has as working directory."""
    roots: tuple[Path, ...]
    """The directories in which its own modules are looked for."""
    module: str
    """Imported first; run as `__main__` if there is no function."""
    function: str = ""
    """Called then: a name in the module, perhaps with dots."""
    script: Path | None = None
    """The file that is run, where it is no module."""
    arguments: tuple[str, ...] = ()
    """What follows in the command: `sys.argv` after the program's name."""


def entry_point(directory: Path, run_cmd: Sequence[str]) -> EntryPoint:
    """Return what `run_cmd` runs in a node's directory on the real disk.

    Known are a script of the project, a module (`python -m`), a file of Python, each also after
    `uv run` with its options. Raises `NotInProcess` for anything else.
    """
    words = list(run_cmd)
    command = " ".join(words)
    as_module = False
    if words[:2] == ["uv", "run"]:
        words, as_module = _after_options_of_uv(words[2:])
        if as_module:
            words = ["-m", *words]
    elif words and _PYTHON.fullmatch(Path(words[0]).name):
        words = _after_options_of_python(words[1:])
    if words and not as_module and _PYTHON.fullmatch(Path(words[0]).name):
        words = _after_options_of_python(words[1:])
    project = _project(directory)
    roots = _roots(directory, project)
    match words:
        case ["-m", module, *arguments]:
            return EntryPoint(directory, (directory, *roots), module, arguments=tuple(arguments))
        case [name, *arguments] if name.endswith(".py"):
            script = directory / name
            if not script.is_file():
                raise NotInProcess(directory, f"runs '{command}', and there is no '{script}'")
            places = (script.parent, *roots)
            return EntryPoint(directory, places, "__main__", "", script, tuple(arguments))
        case [name, *arguments] if found := _script(project, Path(name).name):
            module, _, function = found.partition(":")
            return EntryPoint(directory, roots, module, function, None, tuple(arguments))
        case _:
            pass
    raise NotInProcess(
        directory,
        f"runs '{command}', which is neither a script of its 'pyproject.toml' nor Python code",
    )


def _after_options_of_uv(words: list[str]) -> tuple[list[str], bool]:
    """Return what follows the options of `uv run`, and whether that is a module."""
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in {"-m", "--module"}:
            return words, True
        if option in {"--", "-s", "--script"}:
            break
        if option in _UV_VALUED and words:
            words.pop(0)
    return words, False


def _after_options_of_python(words: list[str]) -> list[str]:
    while words and words[0].startswith("-") and words[0] != "-m":
        if words[0] == "-c":
            return []
        if words.pop(0) in _PYTHON_VALUED and words:
            words.pop(0)
    return words


def _project(directory: Path) -> dict[str, Any]:
    path = directory / "pyproject.toml"
    try:
        return _parsed(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        return {}


@lru_cache(maxsize=256)
def _parsed(path: Path, _: int) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise NotInProcess(path.parent, f"has a 'pyproject.toml' that is none: {error}") from None


def _at(project: dict[str, Any], *names: str) -> Any:
    found: Any = project
    for name in names:
        found = cast("dict[str, Any]", found).get(name) if isinstance(found, dict) else None
    return found


def _script(project: dict[str, Any], name: str) -> str:
    found = _at(project, "project", "scripts", name)
    return found if isinstance(found, str) else ""


def _roots(directory: Path, project: dict[str, Any]) -> tuple[Path, ...]:
    """Return the directories that an installed project adds to the path."""
    named: list[str] = []
    root = _at(project, "tool", "uv", "build-backend", "module-root")
    where = _at(project, "tool", "setuptools", "packages", "find", "where")
    for item in (root, *(cast("list[object]", where) if isinstance(where, list) else ())):
        if isinstance(item, str) and item not in named:
            named.append(item)
    named += [item for item in ("src", ".") if item not in named]
    return tuple(path for item in named if (path := (directory / item)).is_dir())
