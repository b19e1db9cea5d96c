"""The control socket: whatever a client sends, the others are served."""

import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from peppy.actors.daemon import control as socket_control
from peppy.actors.daemon.control import FIRST_FRAME, NOTES_WAITING, BadCall, decode_call, refusal
from peppy.actors.daemon.serve import listening
from peppy.actors.kernel import Actor, ActorEnded, Promise, run_actor
from peppy.actors.stack.errors import NeedsConsent
from peppy.schema import control, frames
from peppy.schema.frames import Answer, Call, Frame, Note, Refusal
from peppy.schema.names import InstanceId, parse_node_id

HELLO = parse_node_id("hello:v1")
INIT = control.InitNode(name="fresh", to_dir="/nodes")
MADE = control.InitView(directory="/nodes/fresh", files=())


@dataclass(frozen=True)
class Gone:
    """Whoever asked to build has left."""


@dataclass
class Seen:
    """What a test looks at."""

    gone: int = 0
    building: trio.Event = field(default_factory=trio.Event)
    notes: int = 3


class FakeDaemon(Actor[Any]):
    """Answers `InitNode` with notes, keeps `BuildNode` waiting, refuses and breaks on demand."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.promises: list[Promise[control.BuildView]] = []

    def receive(self, message: Any) -> None:
        match message:
            case control.InitNode():
                promise = self.promise(message)
                for number in range(self.seen.notes):
                    promise.note(Note(stream="stdout", text=f"line {number}"))
                promise.answer(MADE)
            case control.BuildNode():
                waiting: Promise[control.BuildView] = self.promise(message)
                waiting.on_abandon(Gone())
                self.promises.append(waiting)
                self.seen.building.set()
            case control.RemoveNode(node=node):
                self.refuse(message, NeedsConsent(node, [InstanceId("front")], "removed"))
            case control.SyncNode():
                self.refuse(message, RuntimeError("unforeseen"))
            case Gone():
                self.seen.gone += 1
            case _:
                raise AssertionError(message)


class Client:
    """A client that says what it likes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.data = bytearray()

    async def send(self, frame: bytes) -> None:
        await self.stream.send_all(struct.pack(">I", len(frame)) + frame)

    async def call(self, request: Any, **fields: Any) -> None:
        name = type(request).__name__
        body = msgspec.Raw(msgspec.msgpack.encode(request))
        call = msgspec.structs.replace(Call(name=name, body=body), **fields)
        await self.send(msgspec.msgpack.encode(call))

    async def frame(self) -> Frame:
        (length,) = struct.unpack(">I", await self._exactly(4))
        frame: Frame = msgspec.msgpack.decode(await self._exactly(length), type=Frame)
        return frame

    async def refusal(self) -> Refusal:
        frame = await self.frame()
        assert isinstance(frame, Refusal)
        return frame

    async def _exactly(self, size: int) -> bytes:
        while len(self.data) < size:
            part = await self.stream.receive_some()
            assert part, "the daemon has closed the connection"
            self.data += part
        taken, self.data = bytes(self.data[:size]), self.data[size:]
        return taken


@dataclass
class Served:
    """A daemon's socket and ways to it."""

    connect: Callable[[], Any]
    seen: Seen

    async def client(self) -> Client:
        return Client(await self.connect())


@asynccontextmanager
async def served(tmp_path: Path, *, notes: int = 3) -> AsyncGenerator[Served, None]:
    """Serve a fake daemon on a real socket; in the end it must still answer."""
    path = tmp_path / "daemon.sock"
    looked = Seen(notes=notes)

    async def connect() -> trio.SocketStream:
        return await trio.open_unix_socket(path)

    async with (
        run_actor(lambda: FakeDaemon(looked), name="fake") as daemon,
        listening(path) as listener,
        trio.open_nursery() as nursery,
    ):

        async def attend(stream: trio.SocketStream) -> None:
            await socket_control.attend(stream, daemon)

        nursery.start_soon(trio.serve_listeners, attend, [listener])
        served = Served(connect, looked)
        yield served
        looked.notes = 0
        last = await served.client()
        await last.call(INIT)
        assert isinstance(await last.frame(), Answer)
        await last.stream.aclose()
        nursery.cancel_scope.cancel()


async def test_notes_come_before_the_answer(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(INIT)
        notes = [await client.frame() for _ in range(3)]
        assert notes == [Note(stream="stdout", text=f"line {n}") for n in range(3)]
        answer = await client.frame()
        assert isinstance(answer, Answer)
        assert msgspec.msgpack.decode(answer.body, type=control.InitView) == MADE
        assert await stream.receive_some() == b""


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x80", b"hello", b"\x91" * 5000, b"\xff" * 99])
async def test_a_frame_of_garbage_is_refused(tmp_path: Path, frame: bytes) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.send(frame)
        assert (await client.refusal()).kind == "bad_call"


async def test_a_frame_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        await stream.send_all(struct.pack(">I", frames.LONGEST_FRAME + 1))
        refusal = await Client(stream).refusal()
        assert (refusal.kind, "is longer than" in refusal.sentence) == ("bad_call", True)


async def test_a_frame_that_ends_in_the_middle_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        await stream.send_all(struct.pack(">I", 100) + b"half")
        await stream.send_eof()
        assert "ends in the middle" in (await Client(stream).refusal()).sentence


async def test_a_client_that_says_nothing_is_sent_away(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        begun = trio.current_time()
        assert (await Client(stream).refusal()).sentence == "no request came"
        assert trio.current_time() - begun == pytest.approx(FIRST_FRAME)


async def test_an_unknown_request_is_refused_by_its_name(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(INIT, name="TakeDown")
        assert (await client.refusal()).sentence == "'TakeDown' is not a request"


async def test_a_request_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(INIT, name="BuildNode")
        refusal = await client.refusal()
        assert (refusal.kind, "node" in refusal.sentence) == ("bad_call", True)


async def test_another_protocol_is_refused_with_the_way_out(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(INIT, protocol=frames.PROTOCOL + 1)
        refusal = await client.refusal()
        assert "protocol" in refusal.sentence
        assert "peppy service stop" in (refusal.hint or "")


async def test_a_refusal_says_which_consent_it_needs(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(control.RemoveNode(node=HELLO))
        refusal = await client.refusal()
        assert (refusal.kind, refusal.needs) == ("needs_consent", "stop_instances")


async def test_a_defect_is_told_as_one(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon, (await daemon.client()).stream as stream:
        client = Client(stream)
        await client.call(control.SyncNode(directory="/nodes"))
        refusal = await client.refusal()
        assert (refusal.kind, "RuntimeError: unforeseen" in refusal.sentence) == ("bug", True)


async def test_a_client_that_leaves_gives_its_request_up(tmp_path: Path) -> None:
    async with served(tmp_path) as daemon:
        client = await daemon.client()
        await client.call(control.BuildNode(node=HELLO))
        await daemon.seen.building.wait()
        assert daemon.seen.gone == 0
        await client.stream.aclose()
        while not daemon.seen.gone:
            await wait_all_tasks_blocked(0.01)
        assert daemon.seen.gone == 1


async def test_a_client_that_leaves_amid_its_notes_disturbs_nobody(tmp_path: Path) -> None:
    async with served(tmp_path, notes=NOTES_WAITING) as daemon:
        client = await daemon.client()
        await client.call(INIT)
        await client.frame()
        await client.stream.aclose()


async def test_what_a_slow_client_misses_is_counted_for_it(tmp_path: Path) -> None:
    more = 100
    async with (
        served(tmp_path, notes=NOTES_WAITING + more) as daemon,
        (await daemon.client()).stream as stream,
    ):
        client = Client(stream)
        await client.call(INIT)
        shown = 0
        while (frame := await client.frame()) == Note(stream="stdout", text=f"line {shown}"):
            shown += 1
        assert isinstance(frame, Note)
        assert frame.stream == "warning"
        assert shown >= NOTES_WAITING
        assert shown + int(frame.text.split()[0]) == NOTES_WAITING + more
        assert isinstance(await client.frame(), Answer)


async def test_one_client_that_waits_does_not_hold_up_another(tmp_path: Path) -> None:
    async with served(tmp_path, notes=0) as daemon:
        waiting, quick = await daemon.client(), await daemon.client()
        async with waiting.stream, quick.stream:
            await waiting.call(control.BuildNode(node=HELLO))
            await daemon.seen.building.wait()
            await quick.call(INIT)
            assert isinstance(await quick.frame(), Answer)


async def test_the_socket_is_its_owners_and_goes_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    path.write_text("left over")
    async with listening(path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


async def test_a_home_with_a_long_path_has_its_socket_too(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    async with listening(deep / "daemon.sock"):
        assert (deep / "daemon.sock").is_socket()


@given(st.binary(max_size=200))
def test_no_bytes_make_more_than_a_bad_call(frame: bytes) -> None:
    with pytest.raises(BadCall):
        decode_call(frame)


@given(name=st.sampled_from(sorted(frames.REQUESTS)), body=st.binary(max_size=100))
def test_no_body_makes_more_than_a_bad_call(name: str, body: bytes) -> None:
    call = msgspec.msgpack.encode(
        {"type": "call", "name": name, "body": msgspec.Raw(body or b"\xc0")}
    )
    try:
        request = decode_call(call)
    except BadCall:
        return
    assert type(request).__name__ == name


class Broken(Actor[control.ListStack]):
    def receive(self, message: control.ListStack) -> None:
        raise ValueError("a screw is loose")


async def test_an_actor_that_fails_is_told_as_a_defect_and_not_as_the_daemons_end() -> None:
    told: list[Refusal] = []

    async def ask_the_broken() -> None:
        async with run_actor(Broken, name="broken") as broken:
            with trio.CancelScope(shield=True):
                try:
                    await broken.ask(control.ListStack())
                except ActorEnded as error:
                    told.append(refusal(error))

    with pytest.raises(ValueError, match="a screw is loose"):
        await ask_the_broken()
    assert [refused.kind for refused in told] == ["bug"]
    assert "a screw is loose" in told[0].sentence
