"""What stands in for the camera."""

ENCODING = "mono8"
"""One byte for each pixel, row by row from the top left."""

WALL = 40
LAMP = 220

STAYS = ((0.1, 3.0), (0.9, 0.7), (0.5, 3.0))
"""Where somebody holds a lamp, as a part of the picture's width, and for how many seconds."""


def place(seconds: float) -> float:
    """Return where the lamp is at this time."""
    seconds %= sum(stay for _, stay in STAYS)
    for where, stay in STAYS:
        if seconds < stay:
            return where
        seconds -= stay
    return STAYS[0][0]


class Sensor:
    """Sees a lamp before a dark wall, here and then there."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height

    def read(self, seconds: float) -> bytes:
        """Return the frame that is taken at this time."""
        middle = int(place(seconds) * self.width)
        half = max(1, self.width // 24)
        columns = range(self.width)
        row = bytes(LAMP if abs(column - middle) <= half else WALL for column in columns)
        return row * self.height
