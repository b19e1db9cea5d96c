"""Names that hold everywhere: of nodes, of their tags, of instances."""

import re
from typing import Final, NewType

import msgspec

from peppy.schema.errors import PeppyError

Name = NewType("Name", str)
"""A node's, topic's or parameter's name: ASCII letters, digits, `_` and `-`, at least one."""

Tag = NewType("Tag", str)
"""A node's version or variant: like a name, and dots, but not at the start and not two together."""

InstanceId = NewType("InstanceId", str)
"""What one running copy of a node is called; follows the rule of names."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TAG: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", re.ASCII)

LONGEST_NAME: Final = 128
"""Names become file names, which file systems limit to 255 bytes, two of them joined."""


class NodeId(msgspec.Struct, frozen=True, order=True):
    """A node as the stack knows it: one entry per name and tag."""

    name: Name
    tag: Tag

    def __str__(self) -> str:
        return f"{self.name}:{self.tag}"


class NotAName(PeppyError):
    """A text that cannot name anything."""

    def __init__(self, what: str, text: str, rule: str) -> None:
        self.text = text
        super().__init__(f"'{text}' is not {what}", hint=rule)


NAME_RULE: Final = "use ASCII letters, digits, '_' and '-', up to 128 of them"
TAG_RULE: Final = "use ASCII letters, digits, '_', '-' and single dots, and do not start with a dot"


def is_name(text: str) -> bool:
    """Say whether `text` follows the rule of names (behaviour.md 2.2)."""
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Say whether `text` follows the rule of tags of both generations (behaviour.md 2.2, 12)."""
    return len(text) <= LONGEST_NAME and _TAG.fullmatch(text) is not None


def parse_name(text: str, what: str = "a name") -> Name:
    """Return `text` as a name; raise `NotAName`, which says `what` it should have been."""
    if not is_name(text):
        raise NotAName(what, text, NAME_RULE)
    return Name(text)


def parse_tag(text: str) -> Tag:
    """Return `text` as a tag, or raise `NotAName`."""
    if not is_tag(text):
        raise NotAName("a tag", text, TAG_RULE)
    return Tag(text)


def parse_instance_id(text: str) -> InstanceId:
    """Return `text` as an instance id, or raise `NotAName`."""
    return InstanceId(parse_name(text, "an instance id"))


def parse_node_id(text: str) -> NodeId:
    """Return the node that `NAME:TAG` names, or raise `NotAName`."""
    name, colon, tag = text.partition(":")
    if not colon:
        raise NotAName("a node", text, "write NAME:TAG, as in hello_world:v1")
    return NodeId(parse_name(name, "a node's name"), parse_tag(tag))
