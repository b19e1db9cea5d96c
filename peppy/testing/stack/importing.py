"""The modules of one node, apart from those of others that have the same names.

A node's modules are executed with builtins of their own, whose `__import__` looks in the node's
directories before it looks elsewhere; `sys.modules` and `sys.path` stay as they are. What is
imported later, inside of functions, finds its way likewise. Each start of an instance executes
the node's modules anew, as a new process does; its bindings are declarations only, and are shared.
"""

import builtins
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

PACKAGE: Final = "peppygen"

SHARED: Final = ("peppy", "peppylib")
"""Packages that are this process's own, whatever lies in a node's directory."""

_NEVER_OWN: Final = sys.stdlib_module_names | frozenset(SHARED)

MOST_BINDINGS: Final = 256
"""Nodes whose bindings are kept."""

_bindings: dict[tuple[tuple[str, str], ...], "Modules"] = {}


class Source:
    """A module's code and where it comes from."""

    __slots__ = ("code", "origin", "places")

    def __init__(self, code: CodeType | None, origin: str, places: list[str] | None) -> None:
        self.code = code
        self.origin = origin
        self.places = places
        """The directories of a package; None for a module that is none."""


Find = Callable[[str], Source | None]
"""Returns what a dotted name stands for."""


class Modules:
    """A set of modules that import one another by name."""

    def __init__(
        self,
        find: Find,
        given: Mapping[str, ModuleType] | None = None,
        others: "Mapping[str, Modules] | None" = None,
    ) -> None:
        """`find` knows the modules of this set, which see `given` and `others` by their names."""
        self._find = find
        self._given = dict(given or {})
        self._others = dict(others or {})
        self._own: dict[str, ModuleType] = {}
        self._known: dict[str, bool] = {}
        self._depth = 0
        self._builtins = vars(builtins) | {"__import__": self._import}
        self._given["importlib"] = _Importlib(self.load)

    def load(self, name: str, package: str | None = None) -> ModuleType:
        """Return the module called `name`, imported if it was not; as `importlib.import_module`."""
        if name.startswith("."):
            name = importlib.util.resolve_name(name, package)
        if (other := self._others.get(name.partition(".")[0])) is not None:
            return other.load(name)
        if not self._is_own(name):
            return self._given.get(name) or importlib.import_module(name)
        return self._loaded(name)

    def run(self, source: Source) -> ModuleType:
        """Execute `source` as `__main__`, with the package that it lies in if it has one."""
        module = self._new("__main__", source)
        return self._execute("__main__", module, source)

    def run_module(self, name: str) -> ModuleType:
        """Execute the module or the package called `name` as `python -m` does it."""
        parent = name.rpartition(".")[0]
        if parent:
            self._loaded(parent)
        source = self._find(name)
        if source is not None and source.places is not None:
            self._loaded(name)
            parent, source = name, self._find(f"{name}.__main__")
        if source is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = self._new("__main__", source)
        module.__package__ = parent
        return self._execute("__main__", module, source)

    def _is_own(self, name: str) -> bool:
        top = name.partition(".")[0]
        known = self._known.get(top)
        if known is None:
            known = self._known[top] = top not in _NEVER_OWN and self._is_found(top)
        return known

    def _is_found(self, top: str) -> bool:
        source = self._find(top)
        if source is None or source.code is not None:
            return source is not None
        # A directory is a package only where there is nothing better of that name.
        return importlib.util.find_spec(top) is None

    def _import(
        self,
        name: str,
        names: Mapping[str, Any] | None = None,
        _: object = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what `builtins.__import__` does."""
        if level:
            package = (names or {}).get("__package__") or _package_of(names or {})
            name = importlib.util.resolve_name("." * level + name, package)
        top = name.partition(".")[0]
        if (other := self._others.get(top)) is not None:
            return other._import(name, None, None, fromlist)
        if (given := self._given.get(top)) is not None:
            real = builtins.__import__(name, None, None, fromlist or (), 0)
            return real if "." in name and fromlist else given
        if not self._is_own(name):
            return builtins.__import__(name, names, None, fromlist or (), 0)
        module = self._loaded(name)
        if not fromlist:
            return self._own[top]
        if getattr(module, "__path__", None) is not None:
            wanted = getattr(module, "__all__", ()) if "*" in fromlist else fromlist
            for each in wanted:
                if not hasattr(module, each) and self._find(f"{name}.{each}") is not None:
                    self._loaded(f"{name}.{each}")
        return module

    def _loaded(self, name: str) -> ModuleType:
        module = self._own.get(name)
        if module is not None:
            return module
        parent, _, last = name.rpartition(".")
        above = self._loaded(parent) if parent else None
        if (module := self._own.get(name)) is not None:  # its package has imported it
            return module
        source = self._find(name)
        if source is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = self._own[name] = self._new(name, source)
        try:
            self._execute(name, module, source)
        except BaseException:
            del self._own[name]
            raise
        module = self._own[name]
        if above is not None:
            setattr(above, last, module)
        return module

    def _new(self, name: str, source: Source) -> ModuleType:
        module = ModuleType(name)
        is_package = source.places is not None
        spec = ModuleSpec(name, None, origin=source.origin, is_package=is_package)
        spec.submodule_search_locations = source.places
        module.__spec__ = None if name == "__main__" else spec
        module.__package__ = name if is_package else name.rpartition(".")[0]
        if source.code is not None:
            module.__file__ = source.origin
        if source.places is not None:
            module.__path__ = source.places
        vars(module)["__builtins__"] = self._builtins
        return module

    def _execute(self, name: str, module: ModuleType, source: Source) -> ModuleType:
        if source.code is not None:
            with _visible(name, module):
                exec(source.code, vars(module))  # noqa: S102  # it is what an import does
        return module


@contextlib.contextmanager
def _visible(name: str, module: ModuleType) -> Generator[None]:
    """Inside the block have `module` in `sys.modules`, where dataclasses look for names."""
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    finally:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before


def bindings(texts: Mapping[str, str]) -> Modules:
    """Return the modules of a node's bindings; the same ones for the same texts."""
    own = {path: text for path, text in texts.items() if path.startswith(f"{PACKAGE}/")}
    key = tuple(sorted(own.items()))
    found = _bindings.get(key)
    if found is None:
        if len(_bindings) >= MOST_BINDINGS:
            del _bindings[next(iter(_bindings))]
        found = _bindings[key] = Modules(_finder_in(own))
    return found


def node_modules(
    roots: Sequence[Path], generated: Modules, given: Mapping[str, ModuleType]
) -> Modules:
    """Return the modules of one start of a node: its own, with its bindings among them."""
    return Modules(_finder_on_disk(roots), given, {PACKAGE: generated})


def source_at(path: Path) -> Source:
    """Return the code in a file."""
    stat = path.stat()
    return Source(_compiled(path, stat.st_mtime_ns, stat.st_size), str(path), None)


def _finder_in(texts: Mapping[str, str]) -> Find:
    def find(name: str) -> Source | None:
        path = name.replace(".", "/")
        for file, places in ((f"{path}/__init__.py", [path]), (f"{path}.py", None)):
            if (text := texts.get(file)) is not None:
                return Source(compile(text, file, "exec", dont_inherit=True), file, places)
        return None

    return find


def _finder_on_disk(roots: Sequence[Path]) -> Find:
    def find(name: str) -> Source | None:
        relative = name.replace(".", "/")
        bare: list[str] = []
        for root in roots:
            path = root / relative
            if (package := path / "__init__.py").is_file():
                found = source_at(package)
                found.places = [str(path)]
                return found
            if (file := path.with_name(f"{path.name}.py")).is_file():
                return source_at(file)
            if path.is_dir():
                bare.append(str(path))
        return Source(None, "", bare) if bare else None

    return find


@lru_cache(maxsize=4096)
def _compiled(path: Path, _time: int, _size: int) -> CodeType:
    return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


def _package_of(names: Mapping[str, Any]) -> str:
    name = str(names.get("__name__", ""))
    return name if "__path__" in names else name.rpartition(".")[0]


class _Importlib(ModuleType):
    """`importlib`, but for what imports a module by its name."""

    def __init__(self, load: Callable[..., ModuleType]) -> None:
        super().__init__("importlib")
        self.import_module = load

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib, name)
