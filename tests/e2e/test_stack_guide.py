"""The listings of the guide to testing stacks that need processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.testing.test_guides import STACKS, lay_down

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.mark.thorough
def test_the_guides_real_robot_and_its_real_camera_do_as_embedded_ones_do(tmp_path: Path) -> None:
    robot = lay_down(STACKS, "robot", tmp_path)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "peppy.testing.plugin"]
    done = subprocess.run(
        [*words, "-p", "no:peppy", "-p", "no:cacheprovider", "-k", "a_real_robot"],
        cwd=robot,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
