"""What the stack refuses, as sentences."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from peppy.actors.rules.build_advice import build_advice
from peppy.schema.addresses import shown, without_credentials
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, NodeId
from peppy.schema.wording import counted


def _nearest(wanted: str, there: Iterable[str], otherwise: str) -> str:
    close = get_close_matches(wanted, list(there), n=1)
    return f"did you mean '{close[0]}'?" if close else otherwise


def _with_advice(output: Iterable[str], log: str) -> str:
    """Return where the log is, after what to do about such output."""
    advice = build_advice(output)
    return f"log file: {log}" if advice is None else f"{advice}\n  log file: {log}"


class UnknownNode(PeppyError):
    """A node that is not in the stack."""

    kind = "unknown_node"

    def __init__(self, node: NodeId, there: Iterable[NodeId]) -> None:
        hint = _nearest(
            str(node),
            map(str, there),
            "'peppy stack list' shows what is there; 'peppy node add' puts a node into the stack",
        )
        super().__init__(f"node '{node}' is not in the stack", hint=hint)


class UnknownInstance(PeppyError):
    """An instance that is not listed."""

    kind = "unknown_instance"

    def __init__(self, instance_id: InstanceId, there: Iterable[InstanceId]) -> None:
        hint = _nearest(instance_id, there, "'peppy node info NAME:TAG' shows a node's instances")
        super().__init__(f"there is no instance '{instance_id}'", hint=hint)


class InstanceExists(PeppyError):
    """An instance id that is taken."""

    kind = "instance_exists"

    def __init__(self, instance_id: InstanceId, node: NodeId) -> None:
        super().__init__(
            f"there is an instance '{instance_id}' already, of node '{node}'",
            hint="choose another id, or stop that instance first",
        )


class CoreNodeRefused(PeppyError):
    """The core node is the daemon itself: it cannot be treated like a node."""

    kind = "core_node"

    def __init__(self, verb: str) -> None:
        super().__init__(
            f"the core node cannot be {verb}: it is the daemon itself",
            hint="'peppy service stop' takes the daemon and the whole stack down",
        )


class InProgress(PeppyError):
    """The same thing is being done already."""

    kind = "in_progress"

    def __init__(self, what: str, gives_up_in: float) -> None:
        super().__init__(
            f"{without_credentials(what)} is already in progress;"
            f" it gives up in {gives_up_in:.0f} s at the latest",
            hint="wait for it, or use '--force' to end it and begin again",
        )


class Undertaken(PeppyError):
    """A change of the stack while all of it is being changed."""

    kind = "in_progress"

    def __init__(self) -> None:
        super().__init__(
            "the whole stack is being changed, by a launch, a restart or its end",
            hint="wait for it, or press Ctrl+C in its terminal; 'peppy node stop' works meanwhile",
        )


class StackInUse(PeppyError):
    """A change that would end the present stack, which nobody has agreed to."""

    kind = "needs_consent"

    def __init__(self, nodes: Sequence[NodeId], instances: Sequence[InstanceId], verb: str) -> None:
        self.needs = "clear_stack"
        count = counted(len(nodes), "node")
        names = ", ".join(f"'{instance}'" for instance in instances)
        stopped = f", and what runs of it stopped: {names}" if instances else ""
        super().__init__(
            f"the present stack of {count} would be {verb}{stopped}",
            hint="use '--yes' to agree to it",
        )


class LaunchFailed(PeppyError):
    """A launch that went wrong, and what has become of the stack."""

    kind = "launch_failed"

    def __init__(self, error: PeppyError, kept: str) -> None:
        self.kept = kept
        super().__init__(f"the launch failed: {error.sentence}\n{kept}", hint=error.hint)


class LaunchCancelled(PeppyError):
    """A launch that was given up, and what has become of the stack."""

    kind = "launch_cancelled"

    def __init__(self, kept: str) -> None:
        self.kept = kept
        super().__init__(f"the launch was cancelled; {kept}")


class NotAllRestarted(PeppyError):
    """A stack of which not everything runs again."""

    kind = "not_all_restarted"

    def __init__(self, failures: Sequence[str]) -> None:
        told = "\n".join(failures)
        super().__init__(
            f"not every instance could be started again:\n{told}",
            hint="'peppy stack list' shows what runs",
        )


class Leaving(PeppyError):
    """A node that enters while the one of its name is still being taken out."""

    kind = "leaving"

    def __init__(self, node: NodeId) -> None:
        super().__init__(
            f"node '{node}' is being taken out of the stack", hint="try again in a moment"
        )


class AlreadyBuilt(PeppyError):
    """A build of a node that has its artifact."""

    kind = "already_built"

    def __init__(self, node: NodeId) -> None:
        super().__init__(
            f"node '{node}' is in the Ready stage: it is built already",
            hint="add it again if its source has changed, or use '--force' to build it anyway",
        )


class AddingGivenUp(PeppyError):
    """A node whose adding was ended from outside."""

    kind = "adding_given_up"

    def __init__(self, source: str) -> None:
        super().__init__(f"adding {shown(source)} was ended before it was done")


class BuildGivenUp(PeppyError):
    """A build that was ended from outside."""

    kind = "build_given_up"

    def __init__(self, node: NodeId) -> None:
        super().__init__(f"the build of '{node}' was ended before it was done")


class ContainerRefused(PeppyError):
    """A node that wants a container, which this version cannot give it."""

    kind = "container"

    def __init__(self, node: NodeId) -> None:
        super().__init__(
            f"node '{node}' runs in a container, and this version of peppy runs processes only",
            hint="give its 'execution' a 'build_cmd' and a 'run_cmd' instead of 'container'",
        )


class NotBuilt(PeppyError):
    """A run of a node that has no artifact."""

    kind = "not_built"

    def __init__(self, node: NodeId, stage: str) -> None:
        super().__init__(
            f"node '{node}' cannot be run: it is in the {stage} stage and has no artifact",
            hint=f"run 'peppy node build {node}' first, or 'peppy node run --build {node}'",
        )


class NeedsConsent(PeppyError):
    """Something that would stop running instances, which nobody has agreed to."""

    kind = "needs_consent"

    def __init__(self, node: NodeId, instances: Sequence[InstanceId], verb: str) -> None:
        self.needs = "stop_instances"
        count = counted(len(instances), "instance")
        names = ", ".join(f"'{instance}'" for instance in instances)
        super().__init__(
            f"node '{node}' cannot be {verb} while it has {count}: {names}",
            hint="use '--stop-instances' to stop them",
        )


class StaleBindings(PeppyError):
    """A document that changed after its bindings were generated."""

    kind = "stale_bindings"

    def __init__(self, expected: str, actual: str, directory: Path, of: str = "Node") -> None:
        super().__init__(
            f"Fingerprint verification failed: {of} config fingerprint mismatch:"
            f" expected {expected}, got {actual}",
            hint=f"the document was changed after the bindings in '{directory}' were generated:"
            " run 'peppy node sync' there, or add with '--sync'",
        )


class RemoteSync(PeppyError):
    """Bindings that shall be written where nothing of ours may be."""

    kind = "remote_sync"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"{shown(source)} is no directory that its bindings could be written to",
            hint="leave out '--sync': they are generated for it whenever it is fetched",
        )


class BuildFailed(PeppyError):
    """A build that ended without an artifact."""

    kind = "build_failed"

    def __init__(
        self,
        node: NodeId,
        why: str,
        log: str,
        last_lines: Sequence[str] = (),
    ) -> None:
        self.log = log
        output = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(
            f"build of '{node}' failed: {why}{output}", hint=_with_advice(last_lines, log)
        )


class StartFailed(PeppyError):
    """An instance that did not come to run."""

    kind = "start_failed"

    def __init__(self, instance: InstanceId, why: str, log: str, last_lines: Sequence[str]) -> None:
        self.log = log
        output = "".join(f"\n  {line}" for line in last_lines)
        super().__init__(
            f"instance '{instance}' did not start: {why}{output}",
            hint=_with_advice(last_lines, log),
        )


class GoingDown(PeppyError):
    """A request that comes while everything is being taken down."""

    kind = "going_down"

    def __init__(self) -> None:
        super().__init__("the daemon is going down", hint="try again in a moment")


class DirectoryExists(PeppyError):
    """A new node whose directory is taken."""

    kind = "directory_exists"

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"directory '{directory}' already exists",
            hint="choose another name, or another place with '--to-dir'",
        )
