"""Who a node is in this run and where it meets the others.

The daemon says so in the file that `PEPPY_RUNTIME_CONFIG` names; without it the node stands alone
and a `StandaloneConfig` says so. Source: behaviour.md 7.5, 8.10, 10.3.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from peppy.runtime.binding import Binding
from peppy.runtime.standalone import CORE_NODE, StandaloneConfig
from peppy.schema.daemon_config import Buffers, Lifecycle, Mode
from peppy.schema.errors import PeppyError
from peppy.schema.keys import Address
from peppy.schema.names import InstanceId, Name, Tag
from peppy.schema.parameters import ParameterError
from peppy.schema.runtime_config import (
    DEFAULT_MESSAGING_PORT,
    HOME_VARIABLE,
    PORT_VARIABLE,
    RUNTIME_CONFIG_VARIABLE,
    STATE_FILE_VARIABLE,
    DaemonState,
    RuntimeConfig,
)

STATE_FILE = "daemon_state.json"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a node."""

    address: Address
    tag: Tag
    arguments: dict[str, Any]
    """Parameters, checked and complete, keyed by the document's names."""
    host: str
    port: int
    lifecycle: Lifecycle = Lifecycle()
    buffers: Buffers = Buffers()
    mode: Mode = Mode.PEER
    bindings: Mapping[str, InstanceId] = {}
    """For a dependency's label, the one instance of it that is meant; any for the others."""
    supervised: bool = False
    """Whether a daemon started the node: then the node misses it when it falls silent."""


class SettingsError(PeppyError):
    """What a node is told about its run cannot be read."""


def supervised(environment: Mapping[str, str] = os.environ) -> bool:
    """Say whether a daemon started this process."""
    return bool(environment.get(RUNTIME_CONFIG_VARIABLE))


def supervised_settings(binding: Binding[Any], environment: Mapping[str, str]) -> Settings:
    """Return what the daemon says; raise `SettingsError` or `ParameterError`."""
    path = Path(environment[RUNTIME_CONFIG_VARIABLE])
    try:
        config = msgspec.json.decode(path.read_bytes(), type=RuntimeConfig)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"the runtime configuration '{path}' cannot be read: {reason}"
        ) from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise SettingsError(
            f"the runtime configuration '{path}' is not one: {error}",
            hint=f"unset {RUNTIME_CONFIG_VARIABLE} to run the node on its own",
        ) from None
    return told_settings(binding, config)


def told_settings(binding: Binding[Any], config: RuntimeConfig) -> Settings:
    """Return what the daemon says, once it is read; raise `ParameterError`."""
    instance = config.node_instance
    return Settings(
        address=Address(config.bound_core_node, config.node_name, instance.instance_id),
        tag=config.node_tag,
        arguments=binding.completed(instance.arguments),
        host=config.messaging_host,
        port=config.messaging_port,
        lifecycle=config.lifecycle,
        buffers=config.buffers,
        mode=config.mode,
        bindings=config.bindings,
        supervised=True,
    )


def standalone_settings(
    binding: Binding[Any], config: StandaloneConfig, environment: Mapping[str, str]
) -> Settings:
    """Return what a node is told by its own program and its environment.

    Raises `RuntimeError` naming the missing parameters, as the documentation shows it, and
    `ParameterError` for those that do not fit.
    """
    given = binding.as_mapping(config.parameters)
    try:
        arguments = binding.completed(given)
    except ParameterError as error:
        if error.problems or not error.missing:
            raise
        names = ", ".join(sorted({name.partition(".")[0] for name in error.missing}))
        raise RuntimeError(
            f"missing required parameter(s) for standalone mode: {names}. "
            "Provide them via StandaloneConfig().with_parameters()"
        ) from None
    name = config.node_name or Name(binding.name)
    return Settings(
        address=Address(CORE_NODE, name, config.instance_id),
        tag=Tag(binding.tag),
        arguments=arguments,
        host=config.host,
        port=config.port if config.port is not None else messaging_port(environment),
        bindings=config.bindings,
    )


def messaging_port(environment: Mapping[str, str]) -> int:
    """Return the port of this machine's router: the environment's, the daemon's, the default."""
    text = environment.get(PORT_VARIABLE)
    if text:
        if text.isascii() and text.isdigit() and 0 < int(text) < 2**16:
            return int(text)
        raise SettingsError(f"{PORT_VARIABLE} is '{text}', which is not a port (1 to 65535)")
    try:
        return msgspec.json.decode(
            _state_file(environment).read_bytes(), type=DaemonState
        ).messaging_port
    except (OSError, msgspec.MsgspecError, UnicodeError):
        return DEFAULT_MESSAGING_PORT  # No daemon: the node runs all the same.


def _state_file(environment: Mapping[str, str]) -> Path:
    named = environment.get(STATE_FILE_VARIABLE)
    if named:
        return Path(named)
    home = environment.get(HOME_VARIABLE)
    return (Path(home) if home else Path.home() / ".peppy") / STATE_FILE
