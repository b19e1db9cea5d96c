"""What node authors import is there, is typed, and costs nothing that they did not ask for."""

import re
import subprocess
import sys
from importlib.resources import files

import pytest

import peppylib
import peppylib.config
from peppylib.names import generate_name


def test_the_documented_names_are_exported() -> None:
    names = {
        "ActionError",
        "ActionFeedbackEnded",
        "ActionMismatch",
        "ActionResultTimeout",
        "ActionResultUnreachable",
        "ActionTimeout",
        "ActionUnreachable",
        "CancellationToken",
        "CoreNodeError",
        "CoreNodeTimeout",
        "CoreNodeUnreachable",
        "DatastoreError",
        "NodeBuilder",
        "NodeRunner",
        "QoSProfile",
        "ServiceError",
        "ServiceTimeout",
        "ServiceUnreachable",
        "StandaloneConfig",
        "__version__",
        "datastore",
        "info",
        "stack",
    }
    assert set(peppylib.__all__) == names
    assert all(hasattr(peppylib, name) for name in names)


def test_the_quality_of_service_profiles_are_the_documented_four() -> None:
    names = [profile.name for profile in peppylib.QoSProfile]
    assert names == ["SensorData", "Standard", "Reliable", "Critical"]


def test_the_constants_are_the_documented_ones() -> None:
    config = peppylib.config
    assert config.DEFAULT_MESSAGING_PORT == 7448
    assert config.NODE_CONFIG_FILE == "peppy.json5"
    assert config.NODE_HEALTH_SERVICE == "node_health"
    assert config.NODE_READY_SERVICE == "node_ready"
    assert config.SHUTDOWN_SERVICE == "shutdown"
    assert config.RUNTIME_CONFIG_VAR_NAME == "PEPPY_RUNTIME_CONFIG"


def test_a_generated_name_has_an_adjective_a_surname_and_four_digits() -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]{4}", generate_name())


@pytest.mark.parametrize(
    "first",
    ["import peppylib.info", "from peppylib.info import InfoResponse", "from peppylib import info"],
)
def test_info_is_a_function_however_it_is_imported(first: str) -> None:
    program = (
        f"{first}\n"
        "import peppylib, inspect\n"
        "assert inspect.iscoroutinefunction(peppylib.info), peppylib.info\n"
        "assert inspect.iscoroutinefunction(peppylib.stack.list)\n"
        "assert inspect.iscoroutinefunction(peppylib.datastore.store)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_the_package_says_that_it_is_typed() -> None:
    assert files(peppylib).joinpath("py.typed").is_file()


def test_importing_it_loads_nothing_that_a_nodes_environment_lacks() -> None:
    program = (
        "import sys, peppylib, peppylib.bindings, peppylib.config, peppylib.names\n"
        "print(sorted({'trio', 'json5', 'rich', 'cyclopts', 'zstandard', 'uv'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stdout == "[]\n"


def test_lines_are_handed_out_as_they_are_printed_where_no_terminal_is() -> None:
    program = (
        "import sys, os, peppylib\n"
        "print('first')\n"
        "os.write(1, b'second\\n')\n"
        "print(sys.stdout.line_buffering, sys.stderr.line_buffering)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )
    assert run.stdout == "first\nsecond\nTrue True\n"
