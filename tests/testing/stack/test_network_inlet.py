"""What a node makes of messages that come twice, late or not at all."""

from random import Random

import trio
from trio.testing import MockClock

from peppy.runtime.inlet import Inlet
from peppy.runtime.outlet import Outlet
from peppy.runtime.plain import PlainCodec
from peppy.schema.format_reader import parse_format
from peppy.testing.stack.network import Conditions, EmbeddedNetwork

CODEC = PlainCodec("topic 't'", parse_format({"number": "u32"}))
COUNT = 200


def parts(payload: bytes, rest: bytes) -> tuple[bytes, bytes]:
    return payload, rest


async def seen_under(conditions: Conditions) -> tuple[list[int], int]:
    """Return what a node takes of 200 messages, 2 ms apart, and how many it says are lost."""
    net = EmbeddedNetwork(Random(1), conditions)
    inlet = Inlet("t", net.transport("b").subscribe("k/*"), CODEC.codec, gaps_matter=False)
    outlet = Outlet("t", net.transport("a").publisher("k/a"), CODEC.fingerprint, parts)
    taken: list[int] = []

    async def take() -> None:
        while True:
            _, message = await inlet.next()
            taken.append(CODEC.plain(message)["number"])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        for number in range(COUNT):
            await outlet.send(*CODEC.encode({"number": number}))
            await trio.sleep(0.002)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    return taken, inlet.traffic().peers[0].lost


async def test_what_is_lost_on_the_way_is_counted_by_the_node(autojump_clock: MockClock) -> None:
    taken, lost = await seen_under(Conditions(loss=0.2))
    assert taken == sorted(set(taken))
    assert lost == taken[-1] - taken[0] + 1 - len(taken) > 20


async def test_what_comes_late_is_handed_out_late_and_is_not_lost(
    autojump_clock: MockClock,
) -> None:
    taken, lost = await seen_under(Conditions(reordering=0.2))
    assert taken != sorted(taken) == list(range(COUNT))
    assert lost == 0


async def test_what_comes_twice_is_handed_out_twice(autojump_clock: MockClock) -> None:
    taken, _ = await seen_under(Conditions(duplication=0.2))
    assert sorted(set(taken)) == list(range(COUNT))
    assert len(taken) > COUNT + 20
