"""The programs of `examples/` under the strictest type checkers, each beside its own bindings."""

import json
import sys
from pathlib import Path

import pytest

from tests.codegen.codegen_documents import written
from tests.e2e.example_nodes import documents, projects
from tests.e2e.test_generated_types import MYPY, found

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    """Return a directory with one for each example: its bindings and its modules."""
    beside = documents()
    for project in projects():
        written(tmp_path / project.name, project.texts(beside))
    roots = [{"root": project.name} for project in projects()]
    settings = {
        "typeCheckingMode": "strict",
        "include": [
            f"{project.name}/{path.name}"
            for project in projects()
            for path in (project.directory / "src").iterdir()
        ],
        "executionEnvironments": roots,
    }
    return written(tmp_path, {"pyrightconfig.json": json.dumps(settings)})


def test_every_example_passes_the_strict_type_checkers(laid_out: Path) -> None:
    assert found(laid_out, "pyright", "--pythonpath", sys.executable) == ""
    for project in projects():
        (package,) = (path.name for path in (project.directory / "src").iterdir())
        options = (*MYPY, str(laid_out / "cache"), "-p", package)
        assert found(laid_out / project.name, "mypy", *options) == ""
