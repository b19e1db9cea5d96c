"""A function of ours in the place of a ring: what arrives is handed to it on the loop."""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from peppy.runtime.transport.handover import Sink
from peppy.runtime.transport.port import Listening

T = TypeVar("T")


def _as_it_is(item: Any) -> Any:
    return item


class Listener(Listening, Sink, Generic[T]):
    """A `Listening` whose items are pushed by a transport."""

    def __init__(
        self,
        function: Callable[[T], None],
        on_close: Callable[["Listener[T]"], None],
        opened: Callable[[Any], T] = _as_it_is,
        again: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        """`again` has a function called in the loop's next turn; without it, nothing is put off."""
        self._function = function
        self._on_close = on_close
        self._opened = opened
        self._again = again
        self._queue: deque[Any] = deque()
        self._busy = False
        self._closed = False

    def push(self, item: object) -> None:
        """Keep an item until the loop looks."""
        self._queue.append(item)

    def wake(self) -> None:
        """Hand over what is there by now. The function may close us, or send to us."""
        if self._busy:  # it does: the loop below comes to it
            return
        self._busy = True
        left = len(self._queue)
        while self._queue and not self._closed:
            if self._again is not None:
                if not left:
                    self._again(self.look)
                    break
                left -= 1
            self._function(self._opened(self._queue.popleft()))
        self._busy = False

    def close(self) -> None:
        """Hand over no more."""
        if not self._closed:
            self._closed = True
            self._on_close(self)
