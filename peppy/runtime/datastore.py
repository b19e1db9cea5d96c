"""The datastore as node code uses it: values that the daemon keeps under keys, for all nodes.

Source: behaviour.md 8.8; seed 004, the example of a lock that a hook releases.
"""

import builtins
from typing import TypeVar

from peppy.runtime.core_client import ask_core_node
from peppy.runtime.core_errors import CoreNodeError, DatastoreError
from peppy.runtime.runner import NodeRunner
from peppy.schema.core_services import DATASTORE_SERVICE
from peppy.schema.datastore import (
    DatastoreEntry,
    DatastoreRefusal,
    Encoding,
    GetValue,
    ListValues,
    RemoveValue,
    SetValue,
    StoredValue,
    check_key,
    check_value,
)
from peppy.schema.requests import Request

A = TypeVar("A")


async def store(
    node_runner: NodeRunner,
    key: str,
    value: bytes | bytearray | memoryview,
    encoding: Encoding | str,
    response_timeout_secs: float | None = None,
) -> None:
    """Keep `value` under `key`, in place of what is there: the last writer wins.

    It is there for all nodes until it is removed or the daemon stops. A key has 1 to 512 bytes of
    UTF-8, a value up to 8 MiB. The time-out is in seconds, None for 10. Raises

    - `DatastoreError` (a `RuntimeError`): beyond those limits, or those of the whole datastore;
    - `CoreNodeUnreachable` (a `ConnectionError`): no daemon is there, which is known at once, or
      it went away before it answered;
    - `CoreNodeTimeout` (a `TimeoutError`): it did not answer in time;
    - `TypeError` for a value that is not bytes, `ValueError` for a negative or NaN time-out;
    - `Closed`: the node's connection is closed.
    """
    _check_bytes(value)
    try:
        check_value(key, value, encoding)
    except DatastoreRefusal as refused:
        raise _refused(refused) from None
    request = SetValue(
        key=key,
        value=bytes(value),
        encoding=Encoding(encoding),
        by=node_runner.bound_instance_id(),
    )
    await _ask(node_runner, request, response_timeout_secs)


async def get(
    node_runner: NodeRunner, key: str, response_timeout_secs: float | None = None
) -> StoredValue | None:
    """Return what is kept under `key`, None if nothing is. Raises as `store` does."""
    _check(key)
    return (await _ask(node_runner, GetValue(key=key), response_timeout_secs)).stored


async def list(  # noqa: A001  # the documented name
    node_runner: NodeRunner, response_timeout_secs: float | None = None
) -> builtins.list[DatastoreEntry]:
    """Return all keys in their order, with all but the values. Raises as `store` does.

    The time-out holds for each 10,000 keys: beyond them, what changes meanwhile may be missed.
    """
    entries: builtins.list[DatastoreEntry] = []
    while True:
        after = entries[-1].key if entries else ""
        page = await _ask(node_runner, ListValues(after=after), response_timeout_secs)
        entries.extend(page.entries)
        if not page.more:
            return entries


async def remove(
    node_runner: NodeRunner, key: str, response_timeout_secs: float | None = None
) -> bool:
    """Keep nothing under `key`; return whether there was something. Raises as `store` does."""
    _check(key)
    return (await _ask(node_runner, RemoveValue(key=key), response_timeout_secs)).existed


async def _ask(node_runner: NodeRunner, request: Request[A], timeout: float | None) -> A:
    try:
        return await ask_core_node(node_runner, DATASTORE_SERVICE, request, timeout)
    except CoreNodeError as error:
        raise DatastoreError(error.service, error.kind, error.reason, error.hint) from None


def _check_bytes(value: object) -> None:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"a value is bytes, not {type(value).__name__}: encode it first")


def _check(key: str) -> None:
    try:
        check_key(key)
    except DatastoreRefusal as refused:
        raise _refused(refused) from None


def _refused(refused: DatastoreRefusal) -> DatastoreError:
    return DatastoreError(DATASTORE_SERVICE, refused.kind, refused.sentence, refused.hint or "")
