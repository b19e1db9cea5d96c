"""`peppy datastore remove`."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.datastore_keys import no_value
from peppy.cli.drawing.datastore import removed
from peppy.cli.options import DatastoreKey, Json
from peppy.cli.terminal import Terminal
from peppy.schema.datastore import RemoveValue


def datastore_remove(key: DatastoreKey, /, *, json: Json = False) -> None:
    """Remove what the datastore keeps under a key.

    Example: peppy datastore remove arm_lock
    """
    terminal = Terminal(json=json)
    view = ask(RemoveValue(key=key), terminal, timeout=QUESTION_TIMEOUT)
    if not view.existed:
        raise no_value(key, terminal)
    terminal.result(view, removed(key))
