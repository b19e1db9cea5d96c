"""What `make install` pins, against what peppy says that it needs."""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINNED: Final = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def names(requirements: list[str]) -> list[str]:
    """The packages of requirements, without versions and extras."""
    return [re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0] for requirement in requirements]


@pytest.mark.parametrize(
    "package",
    names(
        PROJECT["project"]["dependencies"]
        + PROJECT["project"]["optional-dependencies"]["dev"]
        + PROJECT["build-system"]["requires"]
    ),
)
def test_what_peppy_needs_to_be_built_run_and_tested_is_pinned(package: str) -> None:
    assert package in PINNED
