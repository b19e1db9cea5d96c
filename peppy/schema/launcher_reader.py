"""The door for launch files: bytes in, a whole value out, or every problem with its place.

Both generations are read: the older has the key `deployments` only, the newer `peppy_schema` too.
Source: behaviour.md 6; seed 003, "Launch files".
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, cast

from peppy.schema.document_kinds import LAUNCHER_SCHEMA, DocumentKind, must_be_a
from peppy.schema.errors import DocumentError
from peppy.schema.fingerprint import document_sha256
from peppy.schema.json5 import LARGEST, parse
from peppy.schema.launcher import Deployment, LaunchedInstance, Launcher, Place
from peppy.schema.launcher_sources import STAND_IN_WANTED, read_wanted
from peppy.schema.names import InstanceId
from peppy.schema.reader import Cursor, cursor_over, refuse_duplicates
from peppy.schema.restart import RestartMode, RestartPolicy
from peppy.schema.sources import Source
from peppy.schema.wording import did_you_mean, quoted

_RETIRED: Final = {"schema_version": f'write peppy_schema: "{LAUNCHER_SCHEMA}", or nothing'}
KEPT: Final = 8
"""Launch files that need not be read again; planning and launching both read one."""

_DEPLOYMENTS: Final = re.compile(rb"deployments[\"']?\s*:")


@lru_cache(maxsize=KEPT)
def read_launcher(text: bytes, source: str, directory: str) -> Launcher:
    """Return a launch file's content; its local sources are made absolute with `directory`.

    `source` is what messages call it, mostly its path. Raises `DocumentError` with all problems.
    """
    root = cursor_over(parse(text, source))
    must_be_a(DocumentKind.LAUNCHER, root, source)
    fields = root.fields(["deployments"], ["peppy_schema", "framework"], _RETIRED)
    fields.read("peppy_schema", _check_schema, None)
    listed = fields.get("deployments")
    given = [] if listed is None else listed.items()
    deployments = tuple(_deployment(cursor, directory) for cursor in given)
    launcher = Launcher(
        source=source,
        sha256=document_sha256(text),
        deployments=deployments,
        use_sim_time=fields.read("framework", _use_sim_time, False),
    )
    if listed is not None and listed.value == []:
        listed.problem("is empty: a launch file names at least one node")
    _check_sources(given, deployments)
    _check_instances(given)
    root.report.settle()
    return launcher


def looks_like_launcher(text: bytes) -> bool:
    """Say whether a file is meant as a launch file, be it a sound one or not.

    One that is no JSON5 is, if it seems to have the key `deployments`: `read_launcher` says what is
    wrong with it.
    """
    if len(text) > LARGEST or b"deployments" not in text:
        return False
    try:
        value = parse(text, "").value
    except DocumentError:
        return _DEPLOYMENTS.search(text) is not None
    return isinstance(value, dict) and "deployments" in value


def _check_schema(cursor: Cursor) -> None:
    if not isinstance(cursor.value, str):
        cursor.must_be(quoted(LAUNCHER_SCHEMA))
    elif cursor.value != LAUNCHER_SCHEMA:
        cursor.problem(
            f"{quoted(cursor.value)} is not the schema of a launch file, which is "
            f"{quoted(LAUNCHER_SCHEMA)}"
        )


def _use_sim_time(cursor: Cursor) -> bool:
    return cursor.fields([], ["use_sim_time"]).read("use_sim_time", Cursor.boolean, False)


def _deployment(cursor: Cursor, directory: str) -> Deployment:
    if cursor.has("variant"):
        cursor.entries()["variant"].key_problem("stands in 'source', not beside it")
    fields = cursor.fields(["source", "instances"], ["variant"])
    return Deployment(
        wanted=fields.read("source", lambda given: read_wanted(given, directory), STAND_IN_WANTED),
        instances=fields.read("instances", _instances, ()),
        place=_place(cursor),
    )


def _instances(cursor: Cursor) -> tuple[LaunchedInstance, ...]:
    instances = cursor.read_all(_instance)
    if cursor.value == []:
        cursor.problem("is empty: a deployment has at least one instance")
    return instances


def _instance(cursor: Cursor) -> LaunchedInstance:
    if cursor.has("parameters"):
        cursor.entries()["parameters"].key_problem("is called 'arguments' in a launch file")
    fields = cursor.fields(
        [], ["instance_id", "arguments", "env_vars", "restart", "bindings", "parameters"]
    )
    instance_id = fields.get("instance_id")
    return LaunchedInstance(
        instance_id=None if instance_id is None else InstanceId(instance_id.name()),
        arguments=fields.read("arguments", _arguments, {}),
        env_vars=fields.read("env_vars", _env_vars, {}),
        restart=fields.read("restart", _restart, RestartPolicy()),
        bindings=fields.read("bindings", _bindings, {}),
        place=_place(cursor),
    )


def _arguments(cursor: Cursor) -> dict[str, Any]:
    cursor.entries()
    return cast("dict[str, Any]", cursor.value) if cursor.is_object else {}


def _env_vars(cursor: Cursor) -> dict[str, str]:
    variables: dict[str, str] = {}
    for name, value in cursor.entries().items():
        if not name or "=" in name or "\0" in name:
            value.key_problem(f"{quoted(name)} cannot be the name of an environment variable")
        if not isinstance(value.value, str):
            value.must_be("a string, in quotes")
        elif "\0" in value.value:
            value.problem("holds a NUL character")
        else:
            variables[name] = value.value
    return variables


def _bindings(cursor: Cursor) -> dict[str, InstanceId]:
    return {label: InstanceId(value.name()) for label, value in cursor.entries().items()}


def _restart(cursor: Cursor) -> RestartPolicy:
    """Return a policy: its mode alone, or an object with what `node run --restart-…` has."""
    if not cursor.is_object:
        if isinstance(cursor.value, str):
            return RestartPolicy(mode=cursor.choice(RestartMode))
        cursor.must_be('a mode such as "on_failure", or { mode, limit, window, if_hung }')
        return RestartPolicy()
    default = RestartPolicy()
    fields = cursor.fields(["mode"], ["limit", "window", "if_hung"])
    policy = RestartPolicy(
        mode=fields.read("mode", lambda mode: mode.choice(RestartMode), RestartMode.ALWAYS),
        limit=fields.read("limit", lambda limit: limit.integer(1, 2**31), default.limit),
        window=fields.read("window", _seconds, default.window),
        hung_after=fields.read("if_hung", _seconds, None),
    )
    if policy.mode is RestartMode.NEVER and policy != default:
        cursor.problem("has a mode that never restarts, and says how: write another mode")
    return policy


def _seconds(cursor: Cursor) -> float:
    value = cursor.value
    if not isinstance(value, int | float) or isinstance(value, bool):
        cursor.must_be("a number of seconds")
        return 1.0
    if value <= 0:
        cursor.problem(f"must be more than 0 seconds, not {quoted(str(value))}")
    return float(value)


def _check_sources(given: Iterable[Cursor], deployments: Iterable[Deployment]) -> None:
    """Note each deployment of a source that an earlier one has: one node has one variant."""
    seen: dict[Source, Deployment] = {}
    for cursor, deployment in zip(given, deployments, strict=True):
        wanted = deployment.wanted
        source = cursor.entries().get("source") if cursor.is_object else None
        if source is None or wanted.source == STAND_IN_WANTED.source:
            continue
        earlier = seen.setdefault(wanted.source, deployment)
        if earlier is deployment:
            continue
        if earlier.wanted == wanted:
            what = "put all of its instances there"
        else:
            what = "a node has one variant at a time"
        source.problem(f"is the same node as in line {earlier.place.line}: {what}")


def _check_instances(deployments: Iterable[Cursor]) -> None:
    """Note each instance id that stands there twice, and each binding to one that does not."""
    instances = [one for deployment in deployments for one in _members(deployment, "instances")]
    named = [
        (cursor, cursor.value)
        for one in instances
        for cursor in _member(one, "instance_id")
        if isinstance(cursor.value, str)
    ]
    refuse_duplicates(named, "the instance id")
    known = [name for _, name in named]
    for one in instances:
        for bindings in _member(one, "bindings"):
            for target in bindings.entries().values() if bindings.is_object else ():
                text = target.value
                if isinstance(text, str) and text.strip() and text not in known:
                    target.problem(
                        f"no instance {quoted(text)} stands in this file{did_you_mean(text, known)}"
                    )


def _members(cursor: Cursor, key: str) -> Iterator[Cursor]:
    for member in _member(cursor, key):
        if isinstance(member.value, list):
            yield from member.items()


def _member(cursor: Cursor, key: str) -> Iterator[Cursor]:
    if cursor.has(key):
        yield cursor.entries()[key]


def _place(cursor: Cursor) -> Place:
    place = cursor.place
    return (
        Place(path=cursor.path) if place is None else Place(place.line, place.column, cursor.path)
    )
