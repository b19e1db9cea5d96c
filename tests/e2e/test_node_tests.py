"""A fresh node has a test that passes, that can fail, and that costs no built node anything."""

import subprocess
import tarfile
from pathlib import Path

import pytest
import zstandard
from uv import find_uv_bin

from tests.e2e.harness import Peppy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def outcome(node: Path, peppy: Peppy) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in peppy.environment.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [find_uv_bin(), "run", "--quiet", "pytest", "-q"],
        cwd=node,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_fresh_node_is_tested_where_it_is_written_and_built_without_its_tests_needs(
    peppy: Peppy,
) -> None:
    peppy("node", "init", "hello")
    node = peppy.work / "hello"
    passed = outcome(node, peppy)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "1 passed" in passed.stdout

    program = node / "src/hello/__main__.py"
    program.write_text(program.read_text().replace("is running", "is lost"))
    failed = outcome(node, peppy)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "is running" in failed.stdout

    peppy("node", "add", "-b", str(node))
    (artifact,) = (peppy.home / "built_nodes").rglob("*.tar.zst")
    with (
        artifact.open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed) as raw,
        tarfile.open(fileobj=raw, mode="r|") as archive,
    ):
        names = {Path(name).name for name in archive.getnames()}
    assert "msgspec" in names
    assert not {"pytest", "_pytest"} & names
