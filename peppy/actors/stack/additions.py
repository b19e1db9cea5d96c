"""Nodes on their way into the stack: who waits for them, and what may keep them out."""

from peppy.actors.kernel import Background, Promise
from peppy.actors.rules import fitting
from peppy.actors.stack.errors import InProgress, Leaving, NeedsConsent
from peppy.actors.stack.members import Members
from peppy.actors.stack.messages import Retired
from peppy.actors.stack.outcomes import AddEnded, Staged
from peppy.schema.control import MAX_TIMEOUT, AddView
from peppy.schema.errors import PeppyError
from peppy.schema.names import NodeId


class Additions:
    """Every `node add` that is under way."""

    def __init__(self) -> None:
        self._jobs: dict[str, tuple[Promise[AddView], Background]] = {}
        """By the source that was named."""
        self.entering: set[NodeId] = set()
        """Nodes whose addition is being written down."""

    def asker(self, source: str) -> Promise[AddView] | None:
        """Return who waits for the node from `source`, if it is being added."""
        job = self._jobs.get(source)
        return None if job is None else job[0]

    def begin(self, source: str, promise: Promise[AddView], job: Background) -> None:
        """Know of one more."""
        self._jobs[source] = (promise, job)

    def end(self, end: AddEnded) -> None:
        """Give one up, unless it has been followed by another meanwhile."""
        present = self._jobs.get(end.source)
        if present is not None and present[0] is end.promise:
            del self._jobs[end.source]
            present[1].cancel()
            end.promise.refuse(end.error)

    def give_up_all(self, error: Exception) -> None:
        """Take no more."""
        for promise, job in self._jobs.values():
            job.cancel()
            promise.refuse(error)
        self._jobs.clear()

    def take(self, staged: Staged) -> bool:
        """Say whether a staged node is still waited for; from now on it is nobody's job."""
        if self.asker(staged.request.source) is not staged.promise:
            return False  # given up, and its asker told, while this message was on its way
        del self._jobs[staged.request.source]
        return True

    def why_not(self, staged: Staged, members: Members) -> PeppyError | None:
        """Return what keeps a staged node out of the stack, if anything does."""
        node = staged.entry.node
        if node in members.leaving:
            return Leaving(node)
        if node in self.entering:
            return InProgress(f"adding '{node}'", MAX_TIMEOUT)
        there = {each: member.entry.fitted for each, member in members.present.items()}
        if (misfit := fitting.why_not(staged.entry.fitted, there)) is not None:
            return misfit
        present = members.present.get(node)
        if present is not None and present.live and not staged.request.stop_instances:
            return NeedsConsent(node, present.live, "replaced")
        return None


def entered(staged: Staged, retired: Retired | None) -> AddView:
    """Return what is said of a node that is in the stack now, in the place of `retired`."""
    entry = staged.entry
    return AddView(
        node=entry.node,
        log=str(entry.add_log),
        snapshot=str(entry.snapshot),
        replaced=retired is not None,
        stopped=() if retired is None else retired.stopped,
        warnings=entry.warnings,
    )
