"""Keys of the datastore, as they are typed: what is there, and what was probably meant."""

from peppy.cli.asking import QUESTION_TIMEOUT, ask
from peppy.cli.terminal import Terminal
from peppy.schema.datastore import DatastoreEntry, ListValues
from peppy.schema.errors import PeppyError
from peppy.schema.wording import nearest, quoted


class NoValue(PeppyError):
    """A key under which nothing is kept."""

    kind = "unknown_key"

    def __init__(self, key: str, there: list[str]) -> None:
        guess = nearest(key, there)
        hint = "'peppy datastore list' shows what is there"
        super().__init__(
            f"the datastore has nothing under {quoted(key)}",
            hint=hint if guess is None else f"did you mean {quoted(guess)}?",
        )


def no_value(key: str, terminal: Terminal) -> NoValue:
    """Return the error that names the key and what comes near."""
    view = ask(ListValues(), terminal, timeout=QUESTION_TIMEOUT)
    return NoValue(key, [entry.key for entry in view.entries])


def all_entries(terminal: Terminal) -> tuple[DatastoreEntry, ...]:
    """Return every key, asking page by page."""
    found: list[DatastoreEntry] = []
    while True:
        after = found[-1].key if found else ""
        page = ask(ListValues(after=after), terminal, timeout=QUESTION_TIMEOUT)
        found.extend(page.entries)
        if not page.more:
            return tuple(found)
