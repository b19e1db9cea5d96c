"""What there is in a stack, and what there was, by name.

What a test says about anything else would hold whatever happens, and is refused. An instance is
known from the launch file, from what was seen of it, or because the test expects it: what is still
to be started by name can be told from a slip of the pen in no other way.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from peppy.schema.control import RunNode
from peppy.schema.errors import PeppyError
from peppy.schema.formats import MessageFormat
from peppy.schema.launcher_reader import read_launcher
from peppy.schema.node import ExternalTopic, NodeDocument
from peppy.schema.wire_finding import NotFound
from peppy.schema.wording import did_you_mean, quoted
from peppy.testing.failures import NoSuchField
from peppy.testing.sentences import Mentioned, Sentence
from peppy.testing.trace import Kind, Trace

ALWAYS: Final = ("daemon", "test")
"""Who takes part in every stack, beside its instances."""

MACHINE: Final = "machine"
"""Who the faults of the whole machine are about."""


class Documented:
    """What the documents of a stack say that there is."""

    def __init__(self) -> None:
        self.nodes: set[str] = set()
        """As in `brain:v1`."""
        self.topics: dict[str, set[str] | None] = {}
        """With the fields of their messages; None where no document says them."""

    def add(self, document: NodeDocument) -> None:
        """Take a document in."""
        self.nodes.add(str(document.manifest.id))
        for emitted in document.interfaces.emits:
            self.add_topic(emitted.name, emitted.format)
        for consumed in document.interfaces.consumes:
            if isinstance(consumed, ExternalTopic):
                self.add_topic(consumed.name, consumed.format)

    def add_topic(self, name: str, message_format: MessageFormat | None) -> None:
        """Take a topic in; several nodes may have one of the same name."""
        before = self.topics.setdefault(name, set())
        if message_format is None or before is None:
            self.topics[name] = None  # where one of several says nothing there may be any
        else:
            before.update(field.name for field in message_format.fields)


class UnknownInstance(PeppyError):
    """An instance that is not there, and that nobody has announced."""

    kind = "unknown_instance"

    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name = name
        there = ", ".join(map(quoted, known))
        super().__init__(
            f"there is no {quoted(name)} in the stack{did_you_mean(name, known)}",
            hint=f"there are {there}; one that is started later is announced:"
            f" stack.expect({name!r})",
        )


class Names:
    """Those of one stack."""

    def __init__(self, trace: Trace, documented: Callable[[], Documented]) -> None:
        """`documented` returns what the documents of the stack say now."""
        self._trace = trace
        self._documented = documented
        self._known = Documented()
        self._instances: dict[str, None] = {}

    def launched(self, path: str, text: bytes, directory: str) -> None:
        """Take the names of instances from a launch file. Raises `DocumentError`."""
        for deployment in read_launcher(text, path, directory).deployments:
            self.expect(i.instance_id for i in deployment.instances if i.instance_id is not None)

    def expect(self, instance_ids: Iterable[str]) -> None:
        """Know these instances from now on."""
        self._instances.update(dict.fromkeys(instance_ids))

    def asked(self, request: object) -> None:
        """Know the instance that somebody wants to have started."""
        if isinstance(request, RunNode) and request.instance_id is not None:
            self.expect([request.instance_id])

    def check_instance(self, name: str) -> None:
        """Raise `UnknownInstance` if no instance, nor anybody else who takes part, is called so."""
        if not self._is_named(name) and name not in self._taking_part():
            raise UnknownInstance(name, self._taking_part())

    def check(self, sentence: Sentence) -> None:
        """Raise `UnknownInstance`, `NotFound` or `NoSuchField` for what is not in the stack."""
        for mention in sentence.mentions:
            if mention.what is Mentioned.TOPIC:
                self._check_topic(mention.name, mention.fields)
            elif not self._is_named(mention.name):
                seen = self._seen()
                if mention.what is Mentioned.SUBJECT:
                    seen |= self._documented().nodes
                if mention.name not in seen:
                    self.check_instance(mention.name)

    def _check_topic(self, name: str, fields: Collection[str]) -> None:
        if not self._has(name, fields):
            self._known = self._documented()
        if name not in self._known.topics:
            raise NotFound("topic", name, list(self._known.topics))
        known = self._known.topics[name]
        for field in fields:
            if known is not None and field not in known:
                raise NoSuchField(name, field, sorted(known))

    def _has(self, topic: str, fields: Collection[str]) -> bool:
        known = self._known.topics.get(topic, set())
        return topic in self._known.topics and (known is None or known.issuperset(fields))

    def _is_named(self, name: str) -> bool:
        return name in self._instances or name in ALWAYS

    def _taking_part(self) -> list[str]:
        """Return who is there, was there or is expected."""
        started = (
            entry.who
            for entry in self._trace.entries
            if entry.kind is Kind.EVENT and not _is_node(entry.who)
        )
        return list(dict.fromkeys((*self._instances, *started, *ALWAYS)))

    def _seen(self) -> set[str]:
        """Return whoever has an entry in the trace, or could have, but for nodes."""
        return {e.who for e in self._trace.entries if not _is_node(e.who)} | {MACHINE}

    def __repr__(self) -> str:
        return f"<Names of {', '.join(self._instances) or 'nobody'}>"


def _is_node(name: str) -> bool:
    return ":" in name and "/" not in name
