"""The texts for systemd and launchd, as they stand on disk."""

import configparser
import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from peppy.cli.service_units import LEVELS, MARK, Service, launchd_agent, systemd_unit
from peppy.cli.service_units_files import RootNeeded, must_be_root
from peppy.cli.service_units_manager import manager_here
from peppy.schema.durations import SHUTDOWN_GRACE, client_waits, stop_answer_after

PLAIN = Service(command=("/opt/peppy/bin/peppy", "service", "serve", "--to-log"), grace=5.0)

ODD = Service(
    command=("/opt/my robot/bin/python", "-m", "100%", 'a"b\\', "$HOME", "x;y"),
    home="/data/50% of it/$x",
    user="robot",
    grace=30.0,
)

USER_UNIT = f"""\
# {MARK}
[Unit]
Description=peppy, which builds, runs and watches the nodes of a robot
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
ExecStart=/opt/peppy/bin/peppy service serve --to-log
WorkingDirectory=/
# Nodes outlive a daemon that crashes: the next one finds them.
KillMode=process
TimeoutStopSec=117
Restart=on-failure
RestartSec=1

[Install]
WantedBy=default.target
"""

AGENT = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" \
"http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- {MARK} -->
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>peppy.daemon</string>
	<key>ProgramArguments</key>
	<array>
		<string>/opt/peppy/bin/peppy</string>
		<string>service</string>
		<string>serve</string>
		<string>--to-log</string>
	</array>
	<key>WorkingDirectory</key>
	<string>/</string>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>AbandonProcessGroup</key>
	<true/>
	<key>ExitTimeOut</key>
	<integer>117</integer>
</dict>
</plist>
"""


def test_the_unit_of_a_user_is_this_text() -> None:
    assert systemd_unit(PLAIN) == USER_UNIT


def test_the_agent_of_a_user_is_this_text() -> None:
    assert launchd_agent(PLAIN) == AGENT


def test_a_unit_of_the_machine_names_its_user_and_escapes_what_systemd_reads() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(systemd_unit(ODD))
    service = unit["Service"]
    assert service["User"] == "robot"
    assert service["ExecStart"] == (r'"/opt/my robot/bin/python" -m 100%% "a\"b\\" $$HOME "x;y"')
    assert service["Environment"] == '"PEPPY_HOME=/data/50%% of it/$x"'
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_a_daemon_of_the_machine_has_its_user_and_its_home() -> None:
    entries = plistlib.loads(launchd_agent(ODD).encode())
    assert entries["ProgramArguments"] == list(ODD.command)
    assert entries["EnvironmentVariables"] == {"PEPPY_HOME": ODD.home}
    assert entries["UserName"] == "robot"


@pytest.mark.parametrize("grace", [1.0, SHUTDOWN_GRACE, 60.0])
def test_a_manager_waits_until_a_deep_stack_of_stuck_nodes_is_down(grace: float) -> None:
    service = Service(command=("/p",), grace=grace)
    assert service.stop_secs > LEVELS * stop_answer_after(grace)
    assert service.stop_secs >= client_waits(grace)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
@pytest.mark.parametrize("service", [PLAIN, ODD])
def test_systemd_itself_finds_nothing_to_complain_of(tmp_path: Path, service: Service) -> None:
    program = tmp_path / "my program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "peppy.service"
    there = Service(
        command=(str(program), *service.command[1:]), home=service.home, grace=service.grace
    )
    unit.write_text(systemd_unit(there))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
        env={"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert "peppy.service" not in done.stderr, done.stderr


def test_each_manager_has_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SUDO_USER", "ada")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path / "data"))
    user, system = manager_here(platform="linux"), manager_here(system=True, platform="linux")
    assert user.path == tmp_path / ".config" / "systemd" / "user" / "peppy.service"
    assert system.path == Path("/etc/systemd/system/peppy.service")
    assert (user.service.user, system.service.user) == (None, "ada")
    assert user.service.home == str(tmp_path / "data")
    agent = manager_here(platform="darwin")
    assert agent.path == tmp_path / "Library" / "LaunchAgents" / "peppy.daemon.plist"
    daemon = manager_here(system=True, platform="darwin")
    assert daemon.path == Path("/Library/LaunchDaemons/peppy.daemon.plist")
    for manager in (user, system, agent, daemon):
        assert Path(manager.service.command[0]).is_absolute()
        assert manager.service.command[-3:] == ("service", "serve", "--to-log")


def test_the_stop_time_follows_the_configured_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    (tmp_path / "conf").mkdir()
    config = tmp_path / "conf" / "peppy_config.json5"
    config.write_text("{ lifecycle: { shutdown_grace_secs: 100 } }")
    assert manager_here().service.grace == 100.0
    config.write_text("{ lifecycle: { shutdown_grace_secs: 0 } }")
    assert manager_here().service.grace == SHUTDOWN_GRACE


def test_only_root_touches_the_machine() -> None:
    must_be_root("install", "/p/peppy", 0)
    with pytest.raises(RootNeeded) as caught:
        must_be_root("install", "/p/peppy", 1000)
    assert caught.value.hint == "sudo /p/peppy service install --system"
