"""Values that the daemon keeps for all nodes. Source: behaviour.md 8.8, seed 004.

from peppylib.datastore import Encoding, get, remove, store

await store(node_runner, "arm_lock", b"locked", Encoding.TEXT_PLAIN)
"""

from peppy.runtime.core_errors import CoreNodeTimeout, CoreNodeUnreachable, DatastoreError
from peppy.runtime.datastore import get, list, remove, store  # noqa: A004  # the documented name
from peppy.schema.datastore import DatastoreEntry, Encoding, StoredValue

__all__ = [
    "CoreNodeTimeout",
    "CoreNodeUnreachable",
    "DatastoreEntry",
    "DatastoreError",
    "Encoding",
    "StoredValue",
    "get",
    "list",
    "remove",
    "store",
]
