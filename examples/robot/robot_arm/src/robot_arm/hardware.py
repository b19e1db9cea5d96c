"""What stands in for the motors. Angles are in radians."""

HOME = [0.0, 0.0, 0.0]


class Joints:
    """Three joints; each turns towards its target, no faster than it may."""

    def __init__(self) -> None:
        self.positions = list(HOME)
        self.velocities = list(HOME)
        self._targets = list(HOME)
        self._fastest = 0.0

    def aim(self, targets: list[float], fastest: float) -> None:
        """Turn towards `targets`, at up to `fastest` radians per second."""
        self._targets = list(targets)
        self._fastest = fastest

    def hold(self) -> None:
        """Stay as they are."""
        self._targets = list(self.positions)

    def turn(self, seconds: float) -> None:
        """Let so much time pass."""
        reach = self._fastest * seconds
        pairs = zip(self.positions, self._targets, strict=True)
        steps = [max(-reach, min(reach, target - position)) for position, target in pairs]
        self.positions = [p + step for p, step in zip(self.positions, steps, strict=True)]
        self.velocities = [step / seconds for step in steps]

    @property
    def there(self) -> bool:
        """Whether every joint is where it is to be."""
        return self.positions == self._targets
