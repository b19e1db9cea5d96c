"""The datastore of a played daemon: a dict for the test, and for the node what any has."""

from contextlib import suppress
from typing import Any

import msgspec

from peppy.runtime.transport.exchange import Exchange, IncomingRequest
from peppy.runtime.transport.port import TransportError
from peppy.schema import keys
from peppy.schema.core_services import CORE_SERVICES, DATASTORE_SERVICE
from peppy.schema.datastore import (
    DatastoreEntry,
    GetValue,
    ListValues,
    RemoveValue,
    RemoveValueView,
    SetValue,
    SetView,
    StoredValue,
    ValuesView,
    ValueView,
)


def serve_datastore(exchange: Exchange, core_node: str, values: dict[str, StoredValue]) -> None:
    """Answer what a node asks of the datastore out of `values`, until the exchange is closed."""
    key = keys.core_service(core_node, DATASTORE_SERVICE)
    kinds = CORE_SERVICES[DATASTORE_SERVICE]

    def arrived(request: IncomingRequest) -> None:
        with suppress(TransportError):  # who asked has gone
            try:
                kind = kinds[request.attachment.decode()]
                asked = msgspec.msgpack.decode(request.payload, type=kind)
            except (KeyError, UnicodeError, msgspec.MsgspecError) as error:
                request.refuse(f"what came is no request: {error}", "not_understood")
                return
            request.reply(msgspec.msgpack.encode(_answer(values, asked)))

    exchange.serve(key, announce=key, arrived=arrived)


def _answer(values: dict[str, StoredValue], asked: Any) -> object:
    match asked:
        case SetValue(key=key):
            replaced = key in values
            values[key] = StoredValue(asked.value, asked.encoding, asked.by)
            return SetView(key=key, size=len(asked.value), replaced=replaced)
        case RemoveValue(key=key):
            return RemoveValueView(key=key, existed=values.pop(key, None) is not None)
        case ListValues(after=after):
            return ValuesView(
                entries=tuple(
                    DatastoreEntry(key, kept.encoding, kept.last_modified_by, len(kept.value))
                    for key, kept in sorted(values.items())
                    if key > after
                )
            )
        case GetValue(key=key):
            return ValueView(stored=values.get(key))
        case _:
            raise LookupError(asked)
