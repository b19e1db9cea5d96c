"""The home directory: where everything that peppy keeps on disk lies (behaviour.md 7.1)."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from peppy.actors.host.ports import HostError
from peppy.schema.names import NodeId
from peppy.schema.runtime_config import HOME_VARIABLE, STATE_FILE_VARIABLE


class Home(msgspec.Struct, frozen=True):
    """The paths below one home directory. Nothing here touches the disk."""

    root: Path
    """Absolute."""
    state_file: Path | None = None
    """Another place for the daemon's state file, if there is one."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Home":
        """Return the home that `PEPPY_HOME` names, or else `~/.peppy`.

        Raises `HostError` if neither `PEPPY_HOME` nor `HOME` says where.
        """
        if named := environment.get(HOME_VARIABLE):
            root = Path(named)
        elif user := environment.get("HOME"):
            root = Path(user) / ".peppy"
        else:
            raise HostError(
                "there is no home directory", hint=f"set '{HOME_VARIABLE}' to a directory"
            )
        state = environment.get(STATE_FILE_VARIABLE)
        return cls(root.absolute(), Path(state).absolute() if state else None)

    @property
    def built_nodes(self) -> Path:
        """Artifacts and snapshots."""
        return self.root / "built_nodes"

    @property
    def instances(self) -> Path:
        """Working directories of the instances."""
        return self.root / "instances"

    @property
    def runtime(self) -> Path:
        """What the instances are told at their start."""
        return self.root / "runtime"

    @property
    def tmp(self) -> Path:
        """Scratch, builds among it."""
        return self.root / "tmp"

    @property
    def logs(self) -> Path:
        """All logs."""
        return self.root / "logs"

    @property
    def add_logs(self) -> Path:
        """One log for each `node add`."""
        return self.logs / "add"

    @property
    def build_logs(self) -> Path:
        """One log for each build."""
        return self.logs / "build"

    @property
    def run_logs(self) -> Path:
        """One log for each instance."""
        return self.logs / "run"

    @property
    def launch_logs(self) -> Path:
        """One log for each launch."""
        return self.logs / "launch"

    @property
    def cache(self) -> Path:
        """What has been fetched: `git/`, `archives/` and `repositories/` lie in it."""
        return self.root / "cache"

    @property
    def downloads(self) -> Path:
        """Archives that are on their way."""
        return self.root / "http_downloads"

    @property
    def repositories(self) -> Path:
        """Which repositories a person has added."""
        return self.root / "conf" / "repositories.json5"

    @property
    def config(self) -> Path:
        """What a person may set for the daemon."""
        return self.root / "conf" / "peppy_config.json5"

    @property
    def daemon_log(self) -> Path:
        """What a daemon in the background prints."""
        return self.logs / "daemon.log"

    @property
    def stack_log(self) -> Path:
        """What happened in the stack without anybody asking for it."""
        return self.root / "stack_log.log"

    @property
    def benchmark(self) -> Path:
        """What the last benchmark of the stack has measured."""
        return self.root / "benchmark.json"

    @property
    def daemon_state(self) -> Path:
        """Where the running daemon says how it is reached."""
        return self.state_file or self.root / "daemon_state.json"

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.root / "daemon.sock"

    @property
    def lock(self) -> Path:
        """The file whose lock the running daemon holds."""
        return self.root / "daemon.lock"

    def artifact(self, node: NodeId) -> Path:
        """Return where the artifact of `node` lies."""
        return self.built_nodes / f"{node.name}_{node.tag}.tar.zst"
