"""What node authors import is there, is typed, and costs nothing that they did not ask for."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from typing import Any

import pytest

import peppylib
import peppylib.config
from peppylib import (
    ActionMessenger,
    MessengerHandle,
    ServiceMessenger,
    TopicMessenger,
    ZenohdInstance,
)
from peppylib.names import generate_name


def test_the_documented_names_are_exported() -> None:
    names = {
        "ActionError",
        "ActionFeedbackEnded",
        "ActionMessenger",
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
        "MessengerHandle",
        "NodeBuilder",
        "NodeRunner",
        "QoSProfile",
        "RouterError",
        "ServiceError",
        "ServiceMessenger",
        "ServiceTimeout",
        "ServiceUnreachable",
        "StandaloneConfig",
        "TopicMessenger",
        "ZenohdInstance",
        "__version__",
        "datastore",
        "encoding",
        "info",
        "messaging",
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
    assert config.PEPPYGEN_OUTPUT_PATH == ".peppy/libs/peppygen"
    assert config.QoSProfile is peppylib.QoSProfile


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("encoding", "NANOS_PER_SEC CapnpTimestamp convert_time convert_time_from_capnp"),
        ("messaging", "MessengerHandle Subscription TopicMessage TopicMessenger ZenohdInstance"),
        ("messaging.services", "ServiceEndpoint ServiceMessenger ServiceRequestContext"),
        (
            "messaging.actions",
            "ActionCreation ActionGoalHandle ActionMessenger TopicPublisher",
        ),
        ("runtime", "CancellationToken NodeBuilder NodeRunner StandaloneConfig"),
    ],
)
def test_a_documented_module_is_there_with_its_names(module: str, names: str) -> None:
    found = import_module(f"peppylib.{module}")
    assert set(names.split()) <= set(found.__all__)
    assert all(hasattr(found, name) for name in found.__all__)


PARAMETERS = {
    MessengerHandle.from_host_port: "host port",
    ZenohdInstance.start_ephemeral: "host port=",
    TopicMessenger.emit: "messenger as_core_node as_instance_id as_node_name as_topic_name qos"
    " payload",
    TopicMessenger.subscribe: "messenger as_core_node as_instance_id to_node_name to_topic"
    " target_core_node target_instance_id qos",
    TopicMessenger.consume_external: "messenger as_core_node as_instance_id to_topic"
    " target_core_node target_instance_id qos",
    ServiceMessenger.listen: "messenger as_core_node as_instance_id as_node_name as_service_name",
    ServiceMessenger.poll: "messenger bound_core_node as_instance_id target_node_name"
    " target_service_name target_core_node= target_instance_id= request_payload="
    " response_timeout_secs=",
    ServiceMessenger.is_reachable: "messenger bound_core_node as_instance_id target_node_name"
    " target_service_name target_core_node= target_instance_id=",
    ActionMessenger.expose: "messenger as_core_node as_instance_id as_node_name as_action_name",
    ActionMessenger.send_goal: "messenger as_core_node as_instance_id to_node_name to_action_name"
    " target_core_node= target_instance_id= goal_payload= feedback_qos= goal_timeout_secs=",
    ActionMessenger.cancel_goal: "messenger goal_handle cancel_timeout_secs",
    ActionMessenger.request_result: "messenger goal_handle result_timeout_secs",
    ActionMessenger.is_reachable: "messenger bound_core_node as_instance_id target_node_name"
    " target_action_name target_core_node= target_instance_id=",
}
"""Of each call of a messenger: the names, with a `=` where there is a default."""


@pytest.mark.parametrize("call", PARAMETERS, ids=lambda call: call.__qualname__)
def test_the_calls_of_messengers_take_the_documented_parameters(call: Callable[..., Any]) -> None:
    assert inspect.iscoroutinefunction(call)
    taken = inspect.signature(call).parameters.values()
    assert PARAMETERS[call].split() == [
        each.name if each.default is each.empty else f"{each.name}=" for each in taken
    ]


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
        "import peppylib.runtime\n"
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
