"""What holds for all tests."""

import os
from typing import Final

import pytest
from hypothesis import settings

THOROUGH: Final = bool(os.environ.get("PEPPY_THOROUGH"))
"""Whether to run what only says again, at other moments, what another test says already."""

LONGEST: Final = (
    "test_documentation", "test_health_of_nodes", "test_launch_survival", "test_survival",
    "test_both_worlds", "test_examples", "test_robustness", "test_documented_launch",
    "test_disk_stress", "test_datastore", "test_generated_types", "test_example_types",
    "test_demo", "test_variants_of_nodes", "test_daemon_service",
)  # fmt: skip
"""Files that begin first, so that none of them is left over at the end; a file is one worker's."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is too thorough, and begin with what takes longest."""
    if not THOROUGH:
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    name = item.path.stem
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


EXAMPLES = int(os.environ.get("PEPPY_EXAMPLES", "50"))
"""Of each property that does not say how many: a hundred would take the fast tests over time."""

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("peppy", deadline=None, max_examples=EXAMPLES)
settings.load_profile("peppy")
