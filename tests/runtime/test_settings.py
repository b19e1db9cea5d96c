"""Who a node is: what the daemon says comes first, then the program, then the environment."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from peppy.runtime.binding import Binding
from peppy.runtime.settings import (
    Settings,
    SettingsError,
    messaging_port,
    standalone_settings,
    supervised,
    supervised_settings,
)
from peppy.runtime.standalone import StandaloneConfig
from peppy.schema.daemon_config import Buffers, Mode
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name
from peppy.schema.parameters import ParameterError


@dataclass
class Video:
    frame_rate: int


@dataclass
class Parameters:
    device: str
    video: Video

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        return cls(values["device"], Video(values["video"]["frame-rate"]))


SCHEMA = {"device": "string", "video": {"frame-rate": "u16"}}
BINDING = Binding("camera", "v1", Parameters, SCHEMA, "0" * 64)
GIVEN = {"device": "/dev/video0", "video": {"frame-rate": 30}}
NOWHERE = {"PEPPY_HOME": "/nonexistent"}


def standalone(config: StandaloneConfig, environment: dict[str, str] | None = None) -> Settings:
    return standalone_settings(BINDING, config, environment or NOWHERE)


def test_a_standalone_node_is_called_standalone_and_meets_others_at_the_default_port() -> None:
    settings = standalone(StandaloneConfig().with_parameters(GIVEN))
    expected = Address("standalone-core", Name("camera"), InstanceId("standalone"))
    assert settings.address == expected
    assert (settings.host, settings.port, settings.tag) == ("127.0.0.1", 7448, "v1")
    assert settings.arguments == GIVEN


def test_each_with_method_returns_a_copy() -> None:
    first = StandaloneConfig()
    second = first.with_messaging("10.0.0.1", 7000).with_instance_id("left").with_node_name("eye")
    assert first == StandaloneConfig()
    settings = standalone(second.with_parameters(GIVEN))
    assert (settings.host, settings.port) == ("10.0.0.1", 7000)
    assert (settings.address.instance_id, settings.address.node) == ("left", "eye")


@pytest.mark.parametrize("text", ["", "a/b", "*"])
def test_an_instance_id_that_cannot_stand_in_a_key_is_refused(text: str) -> None:
    with pytest.raises(PeppyError, match="is not an instance id"):
        StandaloneConfig().with_instance_id(text)


def test_a_node_on_its_own_is_bound_by_its_program() -> None:
    config = StandaloneConfig().with_parameters(GIVEN)
    assert standalone(config.with_bindings({"arm": "left"})).bindings == {"arm": "left"}
    assert standalone(config).bindings == {}
    with pytest.raises(PeppyError, match="is not an instance id"):
        config.with_bindings({"arm": "left/*"})


def test_parameters_may_be_given_as_the_dataclass() -> None:
    given = Parameters("/dev/video0", Video(30))
    assert standalone(StandaloneConfig().with_parameters(given)).arguments == GIVEN


def test_missing_parameters_are_named_in_the_words_of_the_page() -> None:
    with pytest.raises(RuntimeError) as caught:
        standalone(StandaloneConfig())
    assert type(caught.value) is RuntimeError
    assert str(caught.value) == (
        "missing required parameter(s) for standalone mode: device, video. "
        "Provide them via StandaloneConfig().with_parameters()"
    )


def test_a_parameter_of_another_type_is_an_error_of_its_own() -> None:
    with pytest.raises(ParameterError, match=r"'video\.frame-rate' must be a whole number"):
        standalone(StandaloneConfig().with_parameters({"video": {"frame-rate": "fast"}}))


def test_parameters_are_a_dict_or_a_dataclass() -> None:
    with pytest.raises(TypeError, match="a dict or a dataclass, not a value of type 'int'"):
        standalone(StandaloneConfig().with_parameters(3))


def _state(home: Path, text: str) -> dict[str, str]:
    (home / "daemon_state.json").write_text(text)
    return {"PEPPY_HOME": str(home)}


STATE = json.dumps({"core_node_name": "c", "daemon_pid": 1, "messaging_port": 7777})


def test_the_port_is_the_one_of_this_machines_daemon(tmp_path: Path) -> None:
    assert messaging_port(_state(tmp_path, STATE)) == 7777


def test_the_state_file_may_be_elsewhere(tmp_path: Path) -> None:
    _state(tmp_path, STATE)
    place = {"PEPPY_DAEMON_STATE_FILE": str(tmp_path / "daemon_state.json")}
    assert messaging_port(place | NOWHERE) == 7777


def test_the_environment_beats_the_daemon_and_the_program_beats_both(tmp_path: Path) -> None:
    environment = _state(tmp_path, STATE) | {"PEPPY_MESSAGING_PORT": "7500"}
    assert messaging_port(environment) == 7500
    config = StandaloneConfig().with_parameters(GIVEN).with_messaging("127.0.0.1", 7400)
    assert standalone(config, environment).port == 7400


@pytest.mark.parametrize("text", ["{", "[]", '{"messaging_port": "x"}', "\xff"])
def test_a_state_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    assert messaging_port(_state(tmp_path, text)) == 7448


@pytest.mark.parametrize("text", ["0", "65536", "-1", "router", "7448.0"])
def test_a_port_in_the_environment_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="which is not a port"):
        messaging_port({"PEPPY_MESSAGING_PORT": text})


def _runtime_config(directory: Path, **changes: object) -> dict[str, str]:
    path = directory / "runtime_config.json5"
    document: dict[str, object] = {
        "messaging_host": "127.0.0.1",
        "messaging_port": 7449,
        "node_name": "camera",
        "node_tag": "v2",
        "bound_core_node": "core-node-swift-turing-0001",
        "node_instance": {"instance_id": "front", "arguments": GIVEN},
        "lifecycle": {"shutdown_grace_secs": 9},
        "buffers": {"standard": 7, "high_throughput": 70},
        "mode": "router",
        "bindings": {"arm": "left"},
    }
    path.write_text(json.dumps(document | changes))
    return {"PEPPY_RUNTIME_CONFIG": str(path)}


def test_a_supervised_node_is_what_the_daemon_says(tmp_path: Path) -> None:
    environment = _runtime_config(tmp_path)
    assert supervised(environment)
    settings = supervised_settings(BINDING, environment)
    expected = Address("core-node-swift-turing-0001", Name("camera"), InstanceId("front"))
    assert settings.address == expected
    assert (settings.tag, settings.port, settings.arguments) == ("v2", 7449, GIVEN)
    assert settings.lifecycle.shutdown_grace_secs == 9
    assert settings.buffers == Buffers(standard=7, high_throughput=70)
    assert (settings.mode, settings.supervised) == (Mode.ROUTER, True)
    assert settings.bindings == {"arm": "left"}


def test_a_node_on_its_own_has_the_default_grace_and_no_daemon_to_miss() -> None:
    settings = standalone(StandaloneConfig().with_parameters(GIVEN))
    assert settings.lifecycle.shutdown_grace_secs == 5
    assert (settings.mode, settings.supervised) == (Mode.PEER, False)


def test_a_process_that_no_daemon_started_is_not_supervised() -> None:
    assert not supervised({})
    assert not supervised({"PEPPY_RUNTIME_CONFIG": ""})


def test_a_runtime_configuration_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="'/nonexistent/x' cannot be read: No such file"):
        supervised_settings(BINDING, {"PEPPY_RUNTIME_CONFIG": "/nonexistent/x"})


def test_a_runtime_configuration_that_is_none_is_named(tmp_path: Path) -> None:
    environment = _runtime_config(tmp_path, messaging_port="high")
    with pytest.raises(SettingsError, match=r"runtime_config\.json5' is not one: Expected `int`"):
        supervised_settings(BINDING, environment)
