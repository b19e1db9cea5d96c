"""Whole projects of bindings under the strictest type checkers."""

import subprocess
import sys
from pathlib import Path

import pytest

from peppy.codegen.bindings import generate
from peppy.codegen.templates import node_template
from peppy.schema.node import NodeDocument
from tests.codegen.codegen_documents import BRAIN, CAMERA, samples, stack, written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MYPY = ("--strict", "--cache-dir", "cache")


def found(directory: Path, tool: str, *options: str) -> str:
    """Return what a type checker finds below a directory; nothing if it is content."""
    command = [sys.executable, "-m", tool, *options]
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    settings = '{ "typeCheckingMode": "strict", "include": ["peppygen", "peppylib"] }'
    return written(tmp_path, {"pyrightconfig.json": settings})


@pytest.mark.parametrize("node", samples(), ids=lambda node: node.manifest.name)
def test_bindings_pass_the_strict_type_checkers(node: NodeDocument, project: Path) -> None:
    texts = generate(node, stack(CAMERA, BRAIN))
    written(project, {p: text for p, text in texts.items() if p.startswith("pep")})
    assert found(project, "pyright", "--pythonpath", sys.executable) == ""
    assert found(project, "mypy", *MYPY, "-p", "peppygen", "-p", "peppylib") == ""


def test_a_fresh_node_passes_the_strict_type_checkers(project: Path) -> None:
    template = node_template("my-node", "uv", container=False)
    written(project, {Path(p).name: text for p, text in template.items() if "__main__" in p})
    texts = generate(samples()[0], {})
    written(project, {p: text for p, text in texts.items() if p.startswith("pep")})
    assert found(project, "pyright", "--pythonpath", sys.executable, "__main__.py") == ""
    assert found(project, "mypy", *MYPY, "__main__.py") == ""
