"""`peppy stack launch --dry-run`: what a launch would do, without doing it."""

from collections.abc import Mapping

from peppy.actors.rules import graph
from peppy.actors.stack.making import unchanged
from peppy.actors.stack.planning import Reading, Step, plan
from peppy.actors.stack.retirement import Member
from peppy.actors.stack.site import Site
from peppy.schema.launch import LaunchPlanView, PlanLaunch, PlannedInstance, PlannedNode
from peppy.schema.names import NodeId
from peppy.schema.parameters import complete


async def show(site: Site, request: PlanLaunch, former: Mapping[NodeId, Member]) -> LaunchPlanView:
    """Return what a launch would do to a stack of these nodes."""
    planned = await plan(site, Reading.of(request))
    edges = graph.edges({node: member.entry.document for node, member in former.items()})
    order = [node for wave in graph.dependents_first(former, edges) for node in wave]
    by_node = {step.node: step for step in planned.steps}
    reused = {
        node
        for node, step in by_node.items()
        if not request.rebuild and await unchanged(site, step, planned.documents, former.get(node))
    }
    return LaunchPlanView(
        launcher=planned.launcher.source,
        stops=tuple(instance for node in order for instance in former[node].live),
        removes=tuple(node for node in former if node not in by_node),
        nodes=tuple(
            _shown(by_node[node], number, reused=node in reused)
            for number, wave in enumerate(planned.waves)
            for node in wave
        ),
        dependencies=graph.edges(planned.documents),
        warnings=planned.warnings,
    )


def _shown(step: Step, wave: int, *, reused: bool) -> PlannedNode:
    resolved = step.resolved
    return PlannedNode(
        node=step.node,
        origin=str(resolved.own or resolved.root),
        variant=resolved.variant,
        wave=wave,
        reused=reused,
        instances=tuple(
            PlannedInstance(
                instance_id=instance.instance_id,
                arguments=complete(resolved.execution.parameters, instance.arguments),
                restart=instance.restart.mode.value,
                bindings=instance.bindings,
            )
            for instance in step.deployment.instances
        ),
    )
