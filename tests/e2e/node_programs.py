"""Programs that are nodes, run as processes of their own without a daemon."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from peppy.runtime.transport.ports import free_port

CORE = "core-node-gone"

PREAMBLE = """
import asyncio, os, sys, time
from dataclasses import dataclass
from peppylib import NodeRunner, StandaloneConfig
from peppylib.bindings import Binding, NodeBuilder as BaseNodeBuilder

@dataclass
class Parameters:
    @classmethod
    def from_dict(cls, values):
        return cls()

class NodeBuilder(BaseNodeBuilder[Parameters]):
    binding = Binding(
        name="camera", tag="v1", parameters=Parameters, schema={}, config_sha256="0" * 64
    )
"""


class Node:
    """One running program; killed at the end of its test whatever happens."""

    def __init__(self, directory: Path, program: str, **environment: str) -> None:
        # A port on which nobody listens: none of these nodes has a daemon.
        settings = {"PEPPY_HOME": str(directory), "PEPPY_MESSAGING_PORT": str(free_port())}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + program],
            cwd=directory,
            env=os.environ | settings | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> tuple[int, str, str]:
        """Return exit code, what was left of standard output, and standard error."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


class Nodes:
    """Starts programs in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[Node] = []

    def start(self, program: str, **environment: str) -> Node:
        node = Node(self.directory, program, **environment)
        self.started.append(node)
        return node

    def start_supervised(self, program: str, port: int | None = None, **config: object) -> Node:
        """Start it as a daemon would, whose router is at `port`, or nowhere."""
        told: dict[str, object] = {
            "messaging_host": "127.0.0.1",
            "messaging_port": port or free_port(),
            "node_name": "camera",
            "node_tag": "v1",
            "bound_core_node": CORE,
            "node_instance": {"instance_id": "front"},
        }
        path = self.directory / "runtime_config.json5"
        path.write_text(json.dumps(told | config))
        return self.start(program, PEPPY_RUNTIME_CONFIG=str(path))

    def end(self) -> None:
        """Kill what still runs."""
        for node in self.started:
            if node.process.poll() is None:
                node.process.kill()
            node.process.communicate(timeout=10)
