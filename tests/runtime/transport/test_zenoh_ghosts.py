"""What comes back after it was withdrawn, while somebody asks, is suspected; nothing else is."""

import anyio
import pytest

from peppy.runtime.transport import zenoh_ghosts
from peppy.runtime.transport.port import Presence
from peppy.runtime.transport.zenoh import ZenohTransport, open_peer
from peppy.runtime.transport.zenoh_ghosts import Ghosts
from tests.runtime.transport.wires import DEADLINE, LOOPS, router_somewhere


def told(ghosts: Ghosts, *changes: bool) -> None:
    for present in changes:
        ghosts.told("k", present=present)


def test_what_comes_back_while_somebody_asks_is_suspected_once() -> None:
    ghosts = Ghosts()
    told(ghosts, True, False)
    with ghosts.asking():
        told(ghosts, True)
    assert ghosts.suspects() == ["k"]
    assert ghosts.suspects() == []


def test_what_comes_back_when_nobody_asks_is_announced_anew() -> None:
    ghosts = Ghosts()
    with ghosts.asking():
        told(ghosts, True, False)
    told(ghosts, True)
    assert ghosts.suspects() == []


def test_what_comes_for_the_first_time_and_what_has_gone_again_are_no_suspects() -> None:
    ghosts = Ghosts()
    with ghosts.asking():
        ghosts.told("new", present=True)
        told(ghosts, True, False, True, False)
    assert ghosts.suspects() == []


def test_a_withdrawal_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zenoh_ghosts, "MEMORY", -1.0)
    ghosts = Ghosts()
    told(ghosts, True, False)
    with ghosts.asking():
        told(ghosts, True)
    assert ghosts.suspects() == []


class Haunted(Ghosts):
    """Has a key suspected that the followers have just been told of."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def suspects(self) -> list[str]:
        return [self._key]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("alive", [True, False])
def test_followers_are_told_that_a_suspect_has_gone_unless_it_is_there(
    monkeypatch: pytest.MonkeyPatch, loop: str, *, alive: bool
) -> None:
    async def main() -> None:
        router, port = await router_somewhere()
        one: ZenohTransport = await open_peer("127.0.0.1", port)
        other = await open_peer("127.0.0.1", port, shares_memory=False)
        followed: list[Presence] = []
        one.follow("k/*", followed.append)
        watch, elsewhere = one.watch("k/*"), one.watch("other/*")
        if alive:
            other.announce("k/1")
            assert await watch.receive() == Presence("k/1", present=True)
        monkeypatch.setattr(one, "_ghosts", Haunted("k/1"))
        await one.present("k/*")
        watched = list(iter(watch.receive_nowait, None))  # an answer may say again that it is there
        gone = Presence("k/1", present=False)
        assert (gone in watched, gone in followed) == (not alive, not alive)
        assert elsewhere.receive_nowait() is None
        for transport in (one, other, router):
            await transport.close()

    async def bounded() -> None:
        with anyio.fail_after(DEADLINE):
            await main()

    anyio.run(bounded, backend=loop)
