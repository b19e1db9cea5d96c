"""The house as a test: who may import whom, which library has which door, how long things get.

Every rule is a function from sources to complaints, so that each is shown to complain as well.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent

Rule = Callable[[Mapping[str, str]], list[str]]

LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 60

ANYWHERE: Final = ("peppy",)
"""The package itself holds the version and its docstring, and imports nothing."""

MAY_IMPORT: Final[dict[str, tuple[str, ...]]] = {
    "peppy": (),
    "peppy.__main__": ("peppy.cli.app",),
    "peppy.schema": ("peppy.schema",),
    "peppy.codegen": ("peppy.codegen", "peppy.schema"),
    "peppy.runtime": ("peppy.runtime", "peppy.schema"),
    "peppy.actors": (),
    "peppy.actors.kernel": ("peppy.actors.kernel", "peppy.schema"),
    "peppy.actors.rules": ("peppy.actors.rules", "peppy.schema"),
    "peppy.actors.host": ("peppy.actors.host", "peppy.schema"),
    "peppy.actors.stack": (
        "peppy.actors.stack",
        "peppy.actors.kernel",
        "peppy.actors.rules",
        "peppy.actors.host",
        "peppy.codegen",
        "peppy.runtime.transport",
        "peppy.schema",
    ),
    "peppy.actors.daemon": (
        "peppy.actors",
        "peppy.codegen",
        "peppy.runtime.transport",
        "peppy.schema",
    ),
    "peppy.cli": (
        "peppy.cli",
        "peppy.schema",
        "peppy.runtime.control_client",
        "peppy.runtime.log_following",
    ),
    "peppy.cli.wire": ("peppy.cli", "peppy.schema", "peppy.runtime"),
    "peppy.cli.verbs.service_serve": (
        "peppy.cli",
        "peppy.schema",
        "peppy.actors.daemon.serve",
    ),
    "peppy.testing": ("peppy.testing", "peppy.runtime", "peppy.schema"),
    "peppy.testing.stack": (
        "peppy.testing",
        "peppy.actors",
        "peppy.codegen",
        "peppy.runtime",
        "peppy.schema",
    ),
    "peppylib": ("peppylib", "peppy.runtime", "peppy.schema"),
}
"""The longest entry that fits a module says what of ours it may import."""

DOORS: Final[dict[str, tuple[str, ...]]] = {
    "anyio": ("peppy.runtime", "peppy.testing"),
    "cyclopts": ("peppy.cli",),
    "httpx": ("peppy.actors.host.download_client", "peppy.actors.host.downloads"),
    "json5": ("peppy.schema.json5",),
    "pytest": ("peppy.testing.plugin",),
    "rich": ("peppy.cli",),
    "sqlite3": (
        "peppy.actors.host.journal_errors",
        "peppy.actors.host.journal_file",
        "peppy.actors.host.journal_rescue",
    ),
    "trio": ("peppy.actors", "peppy.runtime", "peppy.testing"),
    "zenoh": (
        "peppy.runtime.transport.zenoh",
        "peppy.runtime.transport.zenoh_ends",
        "peppy.runtime.transport.zenoh_memory",
    ),
    "zstandard": ("peppy.actors.host",),
}
"""Where a library of others comes in; nowhere else."""

IMPURE: Final = frozenset(
    {
        "anyio", "asyncio", "io", "os", "random", "secrets", "shutil", "signal", "socket",
        "sqlite3", "subprocess", "tempfile", "threading", "time", "trio", "uuid",
    }
)  # fmt: skip
"""What a folder called `rules` may not import: clocks, files, processes, networks and chance."""


def sources_of_ours() -> dict[str, str]:
    """Return every module of the two packages, by its dotted name."""
    files = [file for package in ("peppy", "peppylib") for file in (ROOT / package).rglob("*.py")]
    return {module_name(file.relative_to(ROOT)): file.read_text() for file in files}


def module_name(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, source: str, known: Mapping[str, str]) -> Iterator[str]:
    """Yield each module that `source` imports, wherever in it that stands."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(origin)):
                for alias in node.names:
                    inner = f"{origin}.{alias.name}"
                    yield inner if inner in known else origin
            case ast.ImportFrom():
                yield f"{module}: a relative import"
            case _:
                pass


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def forbidden_imports(sources: Mapping[str, str]) -> list[str]:
    """Complain of imports that the table does not allow."""
    complaints: list[str] = []
    for module, source in sources.items():
        entry = max((name for name in MAY_IMPORT if within(module, (name,))), key=len)
        for target in imports(module, source, sources):
            ours = target.partition(".")[0] in {"peppy", "peppylib"}
            if ours and target not in ANYWHERE and not within(target, MAY_IMPORT[entry]):
                complaints.append(f"{module} imports {target}")
    return complaints


def wrong_doors(sources: Mapping[str, str]) -> list[str]:
    """Complain of libraries that come in elsewhere than at their door."""
    return [
        f"{module} imports {target}"
        for module, source in sources.items()
        for target in imports(module, source, sources)
        if (library := target.partition(".")[0]) in DOORS and not within(module, DOORS[library])
    ]


def impure_rules(sources: Mapping[str, str]) -> list[str]:
    """Complain of rules that can see more than their arguments."""
    return [
        f"{module} imports {target}"
        for module, source in sources.items()
        if "rules" in module.split(".")
        for target in imports(module, source, sources)
        if target.partition(".")[0] in IMPURE
    ] + [
        f"{module} uses pathlib.Path, which can touch files"
        for module, source in sources.items()
        if "rules" in module.split(".") and "Path" in names_in(source)
    ]


def names_in(source: str) -> set[str]:
    """Return every name that code uses or imports; words in strings are none."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case _:
                pass
    return found


def type_checking_blocks(sources: Mapping[str, str]) -> list[str]:
    """Complain of imports that only a type checker sees: they hide a ring."""
    return [module for module, source in sources.items() if "TYPE_CHECKING" in names_in(source)]


def import_rings(sources: Mapping[str, str]) -> list[str]:
    """Complain of modules that import themselves by way of others."""
    graph = {
        module: sorted({t for t in imports(module, source, sources) if t in sources} - {module})
        for module, source in sources.items()
    }
    done: set[str] = set()
    rings: list[str] = []

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            rings.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for target in graph[module]:
                visit(target, [*path, module])
            done.add(module)

    for module in graph:
        visit(module, [])
    return rings


def too_long(name: str, source: str) -> list[str]:
    """Complain of a module or a function that wants to be two."""
    complaints: list[str] = []
    if (lines := len(source.splitlines())) > LONGEST_MODULE:
        complaints.append(f"{name} has {lines} lines")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                complaints.append(f"{name}: {node.name} has {length} lines")
    return complaints


@pytest.mark.parametrize(
    "rule", [forbidden_imports, wrong_doors, impure_rules, type_checking_blocks, import_rings]
)
def test_our_own_sources_keep_the_rule(rule: Rule) -> None:
    assert rule(sources_of_ours()) == []


def test_no_module_and_no_function_of_ours_is_too_long() -> None:
    folders = ("peppy", "peppylib", "benchmarks", "examples")
    files = [
        file
        for folder in folders
        for file in (ROOT / folder).rglob("*.py")
        if not {".venv", ".peppy"} & set(file.parts)
    ]
    complaints = [
        complaint
        for file in files
        for complaint in too_long(str(file.relative_to(ROOT)), file.read_text())
    ]
    assert complaints == []
    assert len(files) > len(MAY_IMPORT)


@pytest.mark.parametrize(
    ("rule", "sources"),
    [
        (forbidden_imports, {"peppy.schema.x": "from peppy.runtime.port import Port"}),
        (forbidden_imports, {"peppy.actors.kernel.x": "import peppy.actors.host.ports"}),
        (forbidden_imports, {"peppy.actors.host.x": "from peppy.actors.rules import life"}),
        (forbidden_imports, {"peppy.cli.x": "def f():\n  from peppy.actors.stack import a"}),
        (forbidden_imports, {"peppylib.x": "import peppy.cli.app"}),
        (forbidden_imports, {"peppy.runtime.x": "from peppy.codegen import tree"}),
        (wrong_doors, {"peppy.runtime.node": "import zenoh"}),
        (wrong_doors, {"peppy.cli.x": "import trio"}),
        (wrong_doors, {"peppy.actors.stack.x": "from rich.console import Console"}),
        (impure_rules, {"peppy.actors.rules.x": "from time import monotonic"}),
        (impure_rules, {"peppy.actors.rules.x": "from pathlib import Path"}),
        (type_checking_blocks, {"peppy.schema.x": "from typing import TYPE_CHECKING"}),
        (import_rings, {"a": "import b", "b": "import c", "c": "from a import x"}),
    ],
)
def test_a_source_that_breaks_the_rule_is_complained_of(
    rule: Rule, sources: dict[str, str]
) -> None:
    assert len(rule(sources)) == 1


def test_what_is_too_long_is_complained_of() -> None:
    body = "\n".join("  pass" for _ in range(LONGEST_FUNCTION))
    assert too_long("x", f"def f():\n{body}\n") == ["x: f has 61 lines"]
    assert too_long("x", "\n" * 401) == ["x has 401 lines"]
