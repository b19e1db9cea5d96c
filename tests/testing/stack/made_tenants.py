"""Inhabitants of an embedded stack that are no nodes: they do what the daemon asks of a node."""

from contextlib import closing

import trio

from peppy.actors.host.memory_processes import Stage
from peppy.runtime.transport.exchange import Exchange, IncomingRequest
from peppy.schema import keys
from peppy.schema.keys import Address
from peppy.testing.stack.machine import Tenant
from peppy.testing.stack.network import at_once

LAUNCHER = """{
    peppy_schema: "launcher_v1",
    deployments: [
        {
            source: { local: "./talker" },
            instances: [
                { instance_id: "first", restart: "on_failure" },
                { instance_id: "second", arguments: { pace: { every: 2 } } },
            ],
        },
    ],
}"""

DOCUMENT = """{
    peppy_schema: "node_v1",
    manifest: { name: "talker", tag: "v1" },
    execution: {
        language: "python",
        parameters: {
            greeting: { $type: "string", $default: "hello" },
            pace: { every: { $type: "f64", $default: 1.0 } },
        },
        run_cmd: ["uv", "run", "talker"],
    },
}"""


class Made:
    """Says what it was given, then waits to be told to end."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self._thawed = trio.Event()
        self._thawed.set()

    async def play(self, stage: Stage) -> int:
        """Live."""
        config = self.tenant.config
        instance = config.node_instance
        address = Address(config.bound_core_node, config.node_name, instance.instance_id)
        transport = await self.tenant.open_transport(at_once)
        with closing(Exchange(transport)) as exchange:
            requests = exchange.serve(keys.instance_service(address, keys.SHUTDOWN_SERVICE))
            health = keys.instance_service(address, keys.HEALTH_SERVICE)
            exchange.serve(health, arrived=self._tell_health)
            stage.print(f"{instance.arguments['greeting']}, {instance.arguments['pace']}")
            transport.announce(keys.ready(address))
            request = await requests.receive()
            request.reply(b"")
        await transport.close()
        return 0

    def _tell_health(self, request: IncomingRequest) -> None:
        if self._thawed.is_set():
            request.reply(b"")

    def freeze(self) -> None:
        """Answer nobody."""
        self._thawed = trio.Event()

    def thaw(self) -> None:
        """Answer again."""
        self._thawed.set()
