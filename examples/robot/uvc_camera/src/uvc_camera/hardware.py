"""What stands in for the camera."""

ENCODING = "mono8"
"""One byte for each pixel, row by row from the top left."""

WALL = 40
LAMP = 220

STAYS = ((0.1, 3.0), (0.9, 0.7), (0.5, 3.0))
"""Where somebody holds a lamp, as a part of the picture's width, and for how many seconds."""

AROUND = sum(stay for _, stay in STAYS)
"""Seconds after which it is where it was."""


def place(seconds: float) -> float:
    """Return where the lamp is at this time."""
    seconds %= AROUND
    for where, stay in STAYS:
        if seconds < stay:
            return where
        seconds -= stay
    return STAYS[0][0]


class Sensor:
    """Sees a lamp before a dark wall, here and then there."""

    def __init__(self, width: int, height: int) -> None:
        self._frames = {where: picture(where, width, height) for where, _ in STAYS}

    def read(self, seconds: float) -> bytes:
        """Return the frame that is taken at this time."""
        return self._frames[place(seconds)]


def picture(where: float, width: int, height: int) -> bytes:
    """Return a frame with the lamp in this place."""
    middle = int(where * width)
    half = max(1, width // 24)
    row = bytearray([WALL]) * width
    lit = slice(max(0, middle - half), middle + half + 1)
    row[lit] = bytes([LAMP]) * len(row[lit])
    return bytes(row) * height
