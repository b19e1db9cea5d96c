"""`peppy datastore list`."""

from peppy.cli.datastore_keys import all_entries
from peppy.cli.drawing.datastore import entries
from peppy.cli.options import Json
from peppy.cli.terminal import Terminal
from peppy.schema.datastore import ValuesView


def datastore_list(*, json: Json = False) -> None:
    """List the keys of the datastore, what is kept under them, and who wrote it.

    Example: peppy datastore list
    """
    terminal = Terminal(json=json)
    found = all_entries(terminal)
    terminal.result(ValuesView(entries=found), entries(found))
