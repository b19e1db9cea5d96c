"""How one instance is: its state, its health, what follows its end, and its last words."""

from collections.abc import Iterator

from peppy.cli.style import printable
from peppy.schema.control import InstanceState, InstanceView
from peppy.schema.restart import RestartMode, RestartPolicy


def instance_lines(instance: InstanceView) -> Iterator[str]:
    """Yield a line with its state, and those that belong to it."""
    remarks = [printable(remark) for remark in _remarks(instance)]
    about = f" ({', '.join(remarks)})" if remarks else ""
    yield f"- {instance.instance_id} [{instance.state}]{about}"
    if instance.restart.mode is not RestartMode.NEVER:
        yield f"    restart: {restart(instance.restart)}; restarts so far: {instance.restarts}"
    if instance.bindings:
        bound = ", ".join(f"{label} to {target}" for label, target in instance.bindings.items())
        yield f"    bound: {printable(bound)}"
    if instance.state is InstanceState.FAILED and instance.last_lines:
        yield "    last lines:"
        yield from (f"      {printable(line)}" for line in instance.last_lines)


def restart(policy: RestartPolicy) -> str:
    """Return a policy in words, as in `on_failure, up to 5 times in 600 s`."""
    times = "once" if policy.limit == 1 else f"{policy.limit} times"
    hung = "" if policy.hung_after is None else f", also when hung for {policy.hung_after:g} s"
    return f"{policy.mode}, up to {times} in {policy.window:g} s{hung}"


def _remarks(instance: InstanceView) -> Iterator[str]:
    if instance.health is not None:
        yield instance.health
    if instance.ended is not None:
        yield instance.ended
    if instance.doing is not None:
        yield instance.doing
