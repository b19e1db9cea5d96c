"""Generated modules, imported as a node imports them."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from peppy.codegen.bindings import generate
from peppy.schema.node import NodeDocument
from tests.codegen.codegen_documents import BRAIN, CAMERA, stack, written

Importing = Callable[[NodeDocument, str], ModuleType]


@pytest.fixture
def peppygen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """Return what imports a module of a document's bindings."""

    def imported(node: NodeDocument, name: str) -> ModuleType:
        texts = generate(node, stack(CAMERA, BRAIN))
        written(tmp_path, {p: text for p, text in texts.items() if p.startswith("peppygen/")})
        forget()
        importlib.invalidate_caches()
        return importlib.import_module(name)

    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield imported
    forget()


def forget() -> None:
    """Drop the bindings of an earlier document."""
    for module in [each for each in sys.modules if each.partition(".")[0] == "peppygen"]:
        del sys.modules[module]
