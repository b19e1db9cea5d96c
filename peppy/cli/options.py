"""What several verbs take, and how it is read."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from peppy.cli.usage import Usage
from peppy.schema.addresses import is_address, lacks_scheme
from peppy.schema.errors import PeppyError
from peppy.schema.names import InstanceId, NodeId, parse_instance_id, parse_node_id
from peppy.schema.wording import quoted

Json = Annotated[
    bool,
    Parameter(name="--json", help="Print one JSON document, also for an error."),
]

Force = Annotated[
    bool,
    Parameter(name=["--force", "-f"], help="End one that is in progress and begin again."),
]

StopInstances = Annotated[
    bool,
    Parameter(name="--stop-instances", help="Stop its running instances without asking."),
]

KeepNodes = Annotated[
    bool,
    Parameter(name="--keep-nodes", help="Let the instances live on, for the next daemon."),
]

SystemWide = Annotated[
    bool,
    Parameter(name="--system", help="For the whole machine instead of this user; takes root."),
]

InstanceOption = Annotated[
    str | None,
    Parameter(
        name=["--instance-id", "-i"], help="What to call the instance; by default a made-up name."
    ),
]

BindOption = Annotated[
    tuple[str, ...],
    Parameter(
        name="--bind",
        negative=(),
        help="LABEL=INSTANCE: of a dependency, mean this instance only; may be repeated.",
    ),
]

IdleTimeout = Annotated[
    float,
    Parameter(
        name="--idle-timeout", help="Seconds without a line of output until it is given up (600)."
    ),
]

MaxTimeout = Annotated[
    float,
    Parameter(
        name="--max-timeout", help="Seconds until it is given up, whatever it prints (3600)."
    ),
]

Offline = Annotated[
    bool, Parameter(name="--offline", help="Use only what is on this machine or in the cache.")
]

WindowOption = Annotated[
    int, Parameter(name="--window", help="Messages over which the figures are taken (1000).")
]

LinesOption = Annotated[
    int | None, Parameter(name="--times", help="End after so many lines of figures.")
]

ValueWords = Annotated[
    str, Parameter(name="VALUES", help="One JSON5 object, or FIELD=VALUE words.")
]

TopicName = Annotated[
    str, Parameter(name="NAME", help="The topic; NODE/NAME or NODE:TAG/NAME if several have it.")
]

ThingName = Annotated[
    str, Parameter(name="NAME", help="Its name; NODE/NAME or NODE:TAG/NAME if several have it.")
]

TargetInstance = Annotated[
    str | None, Parameter(name="--instance", help="Only this instance; by default any.")
]

DatastoreKey = Annotated[str, Parameter(name="KEY", help="Any text of 1 to 512 bytes.")]

NodeReference = Annotated[str, Parameter(name="NODE", help="NAME:TAG, as 'stack list' shows it.")]

RepositoryName = Annotated[
    str, Parameter(name="REPOSITORY", help="Its name, as 'repo list' shows it.")
]


def node_id(text: str) -> NodeId:
    """Return the node that `NAME:TAG` names; raise `Usage`."""
    try:
        return parse_node_id(text)
    except PeppyError as error:
        raise Usage(error.sentence, hint=error.hint) from None


def instance_id(text: str | None) -> InstanceId | None:
    """Return an instance id, None for none; raise `Usage`."""
    return None if text is None else some_instance_id(text)


def some_instance_id(text: str) -> InstanceId:
    """Return an instance id; raise `Usage`."""
    try:
        return parse_instance_id(text)
    except PeppyError as error:
        raise Usage(error.sentence, hint=error.hint) from None


def node_arguments(texts: Sequence[str]) -> tuple[str, ...]:
    """Return `key=value` arguments as they are; raise `Usage` for what is none (4)."""
    for text in texts:
        if not text.partition("=")[0].strip() or "=" not in text:
            raise Usage(
                f"'{text}' is not an argument for a node",
                hint="write KEY=VALUE, with dots for nested groups, as in video.frame_rate=30",
            )
    return tuple(texts)


def bindings(texts: Sequence[str]) -> dict[str, InstanceId]:
    """Return which instance each label means (10.1); raise `Usage`."""
    found: dict[str, InstanceId] = {}
    for text in texts:
        label, between, instance = text.rpartition("=")
        if not label or not between:
            raise Usage(
                f"'{text}' binds nothing",
                hint="write LABEL=INSTANCE, as in --bind camera=front",
            )
        if label in found:
            raise Usage(f"'--bind' has '{label}' twice")
        found[label] = some_instance_id(instance)
    return found


def timeouts(idle: float, longest: float) -> tuple[float, float]:
    """Return both time-outs; raise `Usage` for what is no time."""
    for name, seconds in (("--idle-timeout", idle), ("--max-timeout", longest)):
        if not 0 < seconds < float("inf"):
            raise Usage(f"'{name}' takes a positive number of seconds, not {seconds:g}")
    return idle, longest


def time_out(seconds: float) -> float:
    """Return a time-out; raise `Usage`."""
    if not 0 <= seconds < float("inf"):
        raise Usage(f"'--timeout' takes a number of seconds from 0 on, not {seconds:g}")
    return seconds


def positive(number: float, option: str) -> float:
    """Return a number above zero; raise `Usage`."""
    if not 0 < number < float("inf"):
        raise Usage(f"'{option}' takes a positive number, not {number:g}")
    return number


def at_least_one(number: int, option: str) -> int:
    """Return a count of something; raise `Usage`."""
    if number < 1:
        raise Usage(f"'{option}' takes a whole number from 1 on, not {number}")
    return number


def absolute(path: Path | str) -> str:
    """Return a path that means the same to the daemon, whose working directory is another."""
    return os.path.abspath(path)


def located_source(text: str) -> str:
    """Return a node's source as the daemon reads it: a directory is absolute, all else as typed.

    A directory that is there is one whatever it is called. Raises `Usage` for an empty text, which
    is mostly an unset variable of a shell, and `PeppyError` for a file.
    """
    if not text:
        raise Usage("SOURCE is empty", hint="'.' is the directory that you are in")
    if os.path.isfile(text):
        directory = os.path.dirname(text) or "."
        raise PeppyError(
            f"{quoted(text)} is a file, and a source is a directory",
            hint=f"name the directory that it lies in: {quoted(directory)}"
            if os.path.basename(text) == "peppy.json5"
            else "name a directory, an address, or NAME:TAG of a repository",
        )
    if os.path.isdir(text) or not (is_address(text) or lacks_scheme(text) or _is_node(text)):
        return absolute(text)
    return text


def located_variant(text: str) -> str:
    """Return a variant as the daemon reads it: a directory is absolute, all else is as typed."""
    is_path = text in (".", "..") or ("/" in text and not is_address(text))
    return absolute(text) if is_path else text


def _is_node(text: str) -> bool:
    try:
        parse_node_id(text)
    except PeppyError:
        return False
    return True


def caller_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment that builds and runs get; what is not UTF-8 cannot travel."""
    return {name: value for name, value in variables.items() if _is_text(name) and _is_text(value)}


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
