"""The instances of a stack, as a test has them started, stopped and looked at."""

from pathlib import Path

from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.control import (
    InstanceState,
    InstanceView,
    ListStack,
    RunNode,
    StackView,
    Stage,
    StartView,
    StopInstance,
    StopView,
)
from peppy.schema.durations import HEALTH_BUDGET
from peppy.schema.launch import PlanLaunch
from peppy.schema.launcher import LaunchedInstance
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.wire_finding import NotFound
from peppy.schema.wording import quoted
from peppy.testing.stack.contact import Contact
from peppy.testing.trace_entry import Kind


def listed(view: StackView) -> dict[str, InstanceView]:
    """Return every instance of a stack by its id; the daemon itself is none."""
    rows = (row for row in view.nodes if row.stage is not Stage.ROOT)
    return {each.instance_id: each for row in rows for each in row.instances}


class Instance:
    """What `LaunchedStack.instance` gives; whether it exists is found out when it is asked for."""

    def __init__(self, contact: Contact, instance_id: str) -> None:
        self._contact = contact
        self._world = contact.world
        self.instance_id = InstanceId(instance_id)

    async def stop(self) -> StopView:
        """End it as `peppy node stop` does, hooks and all; return how it ended.

        Raises the `PeppyError` that the daemon refuses with.
        """
        return await self._world.ask(StopInstance(instance_id=self.instance_id))

    async def start(self) -> StartView:
        """Start it as the launch file has it; return once its `setup` has returned.

        One that has ended leaves the daemon's list first, as by `stop`.

        Raises `NotFound` if the launch file has no such instance (`Node.start` starts others), and
        the `PeppyError` that the daemon refuses with.
        """
        if (view := await self.info()) is not None and not view.is_alive:
            await self.stop()  # what has ended by itself is listed until then
        environment = dict(self._world.environment)
        plan = await self._world.ask(
            PlanLaunch(launcher=self._world.launcher, environment=environment)
        )
        for node in plan.nodes:
            for planned in node.instances:
                if planned.instance_id == self.instance_id:
                    return await self._started(node.node, planned.arguments)
        raise await self._unknown()

    async def restart(self) -> StartView:
        """Stop it if it is alive, and start it again."""
        if (view := await self.info()) is not None and view.is_alive:
            await self.stop()
        return await self.start()

    async def info(self) -> InstanceView | None:
        """Return what the daemon's list says of it; None once it was stopped, so is not listed.

        Raises `NotFound` for one that was never there.
        """
        listed = await self._listed()
        if self.instance_id not in listed:
            await self._known()
        return listed.get(self.instance_id)

    async def state(self) -> InstanceState | None:
        """Return what it is doing; None once it was stopped. Raises `NotFound`."""
        view = await self.info()
        return None if view is None else view.state

    async def healthy(self, within: float = HEALTH_BUDGET) -> bool:
        """Ask its event loop whether it is well; False if that does not answer in time.

        The test itself asks; what the daemon thinks of it is in `info`. Raises `NotFound`.
        """
        view = await self.info()
        if view is None:
            return False
        address = self._contact.address(view.node.name, self.instance_id)
        key = keys.instance_service(address, keys.HEALTH_SERVICE)
        try:
            await self._contact.runner.exchange.ask(key, b"", timeout=within)
        except TransportError:
            return False
        return True

    def lines(self) -> list[str]:
        """Return the lines that it has printed so far, as the trace has them.

        Raises `UnknownInstance` for one that was never there.
        """
        self._world.names.check_instance(self.instance_id)
        return [
            str(entry.what)
            for entry in self._world.trace.entries
            if entry.kind is Kind.LINE and entry.who == self.instance_id
        ]

    def log(self) -> str:
        """Return all that it has printed so far."""
        return "".join(f"{line}\n" for line in self.lines())

    async def _started(self, node: NodeId, arguments: dict[str, object]) -> StartView:
        given = (await self._given()).get(self.instance_id, LaunchedInstance())
        return await self._world.ask(
            RunNode(
                node=node,
                instance_id=self.instance_id,
                values=arguments,
                environment={**self._world.environment, **given.env_vars},
                restart=given.restart,
                bindings=given.bindings,
            )
        )

    async def _known(self) -> None:
        """Raise `NotFound` if neither the launch file nor an event has named it."""
        if self.instance_id not in await self._given() and not any(
            entry.who == self.instance_id and entry.kind is Kind.EVENT
            for entry in self._world.trace.entries
        ):
            raise await self._unknown()

    async def _unknown(self) -> NotFound:
        names = [*await self._listed(), *await self._given()]
        return NotFound("instance", self.instance_id, list(dict.fromkeys(names)))

    async def _listed(self) -> dict[str, InstanceView]:
        return listed(await self._world.ask(ListStack()))

    async def _given(self) -> dict[str, LaunchedInstance]:
        """Return what the launch file says of the instances that it names."""
        path = Path(self._world.launcher)
        text = await self._world.read(str(path))
        launcher = read_launcher(text, str(path), str(path.parent))
        return {
            each.instance_id: each
            for deployment in launcher.deployments
            for each in deployment.instances
            if each.instance_id is not None
        }

    def __repr__(self) -> str:
        return f"<Instance {quoted(self.instance_id)} of a stack>"
