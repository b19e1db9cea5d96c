"""What one sender's messages look like at one end, by the numbers that the programs gave them."""

from dataclasses import dataclass

from peppy.schema.traffic import EndTraffic, PeerTraffic


@dataclass(slots=True)
class Tally:
    """One sender run at one inlet. Numbers start with the first that is seen."""

    expected: int
    seen: int = 0
    bytes: int = 0
    missing: int = 0

    def arrived(self, number: int, size: int) -> int:
        """Count a message; return how many are missing before it, negative if it is out of turn."""
        gap = number - self.expected
        self.seen += 1
        self.bytes += size
        if gap >= 0:
            self.expected = number + 1
            self.missing += gap
        return gap


def discrepancies(
    tallies: dict[str, Tally], traffic: EndTraffic, *, at_rest: bool = False
) -> list[str]:
    """Return where the end's counters say something else than the program saw.

    Unless it is at rest, the end may have opened messages that the program has not been given.
    """
    found: list[str] = []
    peers = {peer.instance_id: peer for peer in traffic.peers}
    for run in tallies.keys() | peers.keys():
        tally = tallies.get(run) or Tally(0)
        peer = peers.get(run) or PeerTraffic(instance_id=run)
        if tally.missing != peer.lost:
            found.append(f"'{run}': the program misses {tally.missing}, 'lost' is {peer.lost}")
        if tally.seen > peer.messages or (at_rest and tally.seen != peer.messages):
            found.append(f"'{run}': the program saw {tally.seen}, 'messages' is {peer.messages}")
    return found
