"""The datastore's actor: values that nodes and people keep here while the daemon runs."""

from typing import assert_never

from peppy.actors.kernel import Actor
from peppy.actors.rules.datastore import Values
from peppy.schema.datastore import (
    GetValue,
    ListValues,
    RemoveValue,
    RemoveValueView,
    SetValue,
    SetView,
    ValueView,
)
from peppy.schema.errors import PeppyError

Requests = GetValue | SetValue | ListValues | RemoveValue


class Datastore(Actor[Requests]):
    """The values of one daemon. Source: behaviour.md 8.8."""

    def __init__(self, values: Values | None = None) -> None:
        self._values = Values() if values is None else values

    def receive(self, message: Requests) -> None:
        """Take one message."""
        try:
            self._carry_out(message)
        except PeppyError as error:
            self.refuse(message, error)

    def _carry_out(self, message: Requests) -> None:
        match message:
            case GetValue(key=key):
                self.answer(message, ValueView(stored=self._values.get(key)))
            case SetValue(key=key, value=value):
                replaced = self._values.set(message)
                self.answer(message, SetView(key=key, size=len(value), replaced=replaced))
            case ListValues(after=after):
                self.answer(message, self._values.page(after))
            case RemoveValue(key=key):
                existed = self._values.remove(key)
                self.answer(message, RemoveValueView(key=key, existed=existed))
            case _:
                assert_never(message)

    def __repr__(self) -> str:
        return f"<Datastore {self._values!r}>"
