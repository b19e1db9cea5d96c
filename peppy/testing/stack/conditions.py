"""How messages fare between two participants of an embedded network."""

from typing import Final

import msgspec


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """How messages fare between two participants, in each direction. Seconds and probabilities.

    Loss, duplication and disorder are for what a congested link may drop: topics of the profiles
    `SensorData` and `Standard`. All else rides on a link that sends again what got lost, and comes
    once and in order, later.
    """

    latency: tuple[float, float] = (0.0, 0.0)
    """From and to: each message takes a time between them."""
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    """How likely a message comes up to `lateness` later than its turn, behind those after it."""
    retransmission: float = 0.05
    """What it costs to send a message again."""
    lateness: float = 0.05

    def __post_init__(self) -> None:
        """Raise `ValueError` for what is no time or no probability."""
        shortest, longest = self.latency
        if not 0.0 <= shortest <= longest:
            raise ValueError(f"latency {self.latency} is not from a time to one no shorter")
        if self.retransmission < 0.0 or self.lateness < 0.0:
            raise ValueError("retransmission and lateness are times")
        for name in ("loss", "duplication", "reordering"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is a probability, from 0 to 1")

    @property
    def calm(self) -> bool:
        """Whether every message arrives at once."""
        chances = (self.loss, self.duplication, self.reordering)
        return self.latency == (0.0, 0.0) and chances == (0.0, 0.0, 0.0)


CALM: Final = Conditions()
