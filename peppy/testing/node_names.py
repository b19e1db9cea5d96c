"""What the trace of a single node can have: what is said of anything else is refused."""

from typing import Final

from peppy.testing.failures import NoSuchField, NoSuchInterface, NoSuchSubject, NotTraced
from peppy.testing.sentences import Mentioned, Sentence
from peppy.testing.trace_entry import Kind

TRACED: Final = frozenset({Kind.MESSAGE, Kind.EVENT})


class NodeNames:
    """Those of one node under test."""

    def __init__(self, instance_id: str) -> None:
        """Every event in the trace is of this instance."""
        self._instance_id = instance_id
        self.topics: dict[str, set[str]] = {}
        """By name, with the fields of their messages."""
        self.others: set[str] = set()
        """Services and actions, whose messages are called `charge request`, `grasp goal`."""

    def check(self, sentence: Sentence) -> None:
        """Raise one of the errors above if nothing can ever be this."""
        if not sentence.kinds & TRACED:
            raise NotTraced(str(sentence))
        for mention in sentence.mentions:
            if mention.what is Mentioned.TOPIC:
                self._check_message(mention.name, mention.fields)
            elif mention.what is Mentioned.SUBJECT and mention.name != self._instance_id:
                raise NoSuchSubject(mention.name, self._instance_id)

    def _check_message(self, name: str, fields: tuple[str, ...]) -> None:
        if name in self.topics:
            known = self.topics[name]
            for field in fields:
                if field not in known:
                    raise NoSuchField(name, field, sorted(known))
        elif (interface := name.partition(" ")[0]) not in self.others:
            raise NoSuchInterface(interface, self._all())

    def _all(self) -> list[str]:
        return sorted(self.others.union(self.topics))

    def __repr__(self) -> str:
        return f"<NodeNames of {', '.join(self._all()) or 'nothing'}>"
