"""A fresh node has a test that passes, that can fail, and that costs no built node anything."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.e2e.harness import Peppy
from tests.pages import blocks

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def typed(text: str, place: Path, peppy: Peppy) -> subprocess.CompletedProcess[str]:
    """Type this in a directory."""
    environment = {k: v for k, v in peppy.environment.items() if k != "PYTHONPATH"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-e", "-c", text],
        cwd=place,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_fresh_node_is_tested_where_it_is_written_and_built_without_its_tests_needs(
    peppy: Peppy,
) -> None:
    (listing,) = [block for block in blocks("docs/testing_nodes.md") if block.language == "sh"]
    passed = typed(listing.text, peppy.work, peppy)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "1 passed" in passed.stdout

    node = peppy.work / "hello"
    program = node / "src/hello/__main__.py"
    program.write_text(program.read_text().replace("is running", "is lost"))
    failed = typed("uv run pytest", node, peppy)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "is running" in failed.stdout

    del peppy.environment["UV_COMPILE_BYTECODE"]
    peppy("node", "add", "-b", str(node))
    (artifact,) = (peppy.home / "built_nodes").rglob("*.tar.zst")
    with (
        artifact.open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed) as raw,
        tarfile.open(fileobj=raw, mode="r|") as archive,
    ):
        names = {Path(name).name for name in archive.getnames()}
    assert "msgspec" in names
    assert any(name.startswith("runner.cpython") for name in names), "nothing is compiled"
    assert not {"pytest", "_pytest"} & names
