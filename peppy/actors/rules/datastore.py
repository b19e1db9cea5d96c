"""What the datastore holds, and what it takes: pure but for its own memory."""

from bisect import bisect_left, bisect_right, insort

from peppy.schema.datastore import (
    LARGEST_STORE,
    MOST_KEYS,
    PAGE,
    DatastoreEntry,
    DatastoreRefusal,
    SetValue,
    StoredValue,
    ValuesView,
    check_key,
    check_value,
)
from peppy.schema.names import is_name
from peppy.schema.wording import quoted


class DatastoreFull(DatastoreRefusal):
    """There is no room for another value."""

    kind = "datastore_full"

    def __init__(self, key: str, limit: str) -> None:
        super().__init__(
            f"there is no room for {quoted(key)}: the datastore holds {limit} at the most",
            hint="'peppy datastore list' shows what it holds; remove what nobody needs",
        )


class BadWriter(DatastoreRefusal):
    """A value of somebody without a name."""

    kind = "bad_writer"

    def __init__(self, by: str) -> None:
        super().__init__(f"{quoted(by)} cannot have written a value: it is no instance id")


class Values:
    """Values under their keys, within limits. A refusal changes nothing."""

    def __init__(self, *, most_keys: int = MOST_KEYS, largest: int = LARGEST_STORE) -> None:
        self._most_keys = most_keys
        self._largest = largest
        self._values: dict[str, StoredValue] = {}
        self._sizes: dict[str, int] = {}
        self._order: list[str] = []
        self.bytes = 0
        """Of all keys, encodings and values together."""

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Values: {len(self)} keys, {self.bytes} bytes>"

    def get(self, key: str) -> StoredValue | None:
        """Return what is kept under `key`, None for nothing; raise `BadKey`."""
        check_key(key)
        return self._values.get(key)

    def set(self, request: SetValue) -> bool:
        """Keep a value; return whether it has replaced one. Raises a `DatastoreRefusal`."""
        key = request.key
        size = check_value(key, request.value, request.encoding)
        if not is_name(request.by):
            raise BadWriter(request.by)
        replaced = key in self._values
        if not replaced and len(self) >= self._most_keys:
            raise DatastoreFull(key, f"{self._most_keys} keys")
        total = self.bytes - self._sizes.get(key, 0) + size
        if total > self._largest:
            raise DatastoreFull(key, f"{self._largest} bytes")
        if not replaced:
            insort(self._order, key)
        self._values[key] = StoredValue(request.value, request.encoding, request.by)
        self._sizes[key] = size
        self.bytes = total
        return replaced

    def remove(self, key: str) -> bool:
        """Keep nothing under `key`; return whether there was something. Raises `BadKey`."""
        check_key(key)
        if key not in self._values:
            return False
        del self._values[key]
        del self._order[bisect_left(self._order, key)]
        self.bytes -= self._sizes.pop(key)
        return True

    def page(self, after: str, size: int = PAGE) -> ValuesView:
        """Return the first `size` keys behind `after`, in their order."""
        begin = bisect_right(self._order, after)
        keys = self._order[begin : begin + size]
        return ValuesView(
            entries=tuple(self._entry(key) for key in keys),
            more=begin + size < len(self._order),
        )

    def _entry(self, key: str) -> DatastoreEntry:
        stored = self._values[key]
        return DatastoreEntry(key, stored.encoding, stored.last_modified_by, len(stored.value))
