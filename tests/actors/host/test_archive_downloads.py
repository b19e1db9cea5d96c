"""Downloads from servers that are well, ill, and mean; all of them on loopback."""

import hashlib
import os
import time
from pathlib import Path

import pytest
import trio
import trio.testing

from peppy.actors.host.archive_limits import LIMITS, BadArchive
from peppy.actors.host.archive_source import ArchiveFetcher
from peppy.actors.host.download_limits import DigestMismatch, DownloadLimits, Unreachable
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.doing import without_time
from peppy.schema.frames import Note
from peppy.schema.sources import ArchiveSource
from tests.actors.host.archive_samples import everything, file, packed
from tests.actors.host.http_servers import Asked, answer, file_server, sent_on, serving

NOISE = os.urandom(300_000)
ARCHIVE = packed(file(b"peppy.json5", b"{}"), file(b"noise", NOISE))
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()
OTHER = packed(file(b"peppy.json5", b"other"), file(b"noise", NOISE[::-1]))
QUICK = DownloadLimits(most=1_000_000, pause=0.01, idle=5.0, attempts=3)


class Place:
    """A fetcher with an empty cache, and what it has said."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.notes: list[Note] = []
        self.environment: dict[str, str] = {}
        self.restart()

    def restart(self, limits: DownloadLimits = QUICK) -> None:
        """Begin anew, as a daemon does that was started again."""
        self.fetcher = ArchiveFetcher(
            self.top / "cache", self.top / "downloads", LIMITS, downloading=limits
        )

    async def read(self, url: str, sha256: str = "") -> bytes:
        how = Fetching(note=self.notes.append, environment=self.environment)
        return (await self.fetcher.read(ArchiveSource(url, sha256), how)).text

    async def refused(self, url: str, sha256: str = "") -> str:
        with pytest.raises(HostError) as caught:
            await self.read(url, sha256)
        return caught.value.sentence

    @property
    def parts(self) -> list[bytes]:
        return [path.read_bytes() for path in (self.top / "downloads").glob("*.part")]

    @property
    def cached(self) -> list[str]:
        return sorted(path.name for path in (self.top / "cache").glob("*"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def nothing_left(place: Place) -> bool:
    return set(everything(place.top)) <= {"cache", "downloads"}


async def test_an_archive_is_fetched_once_and_found_by_its_digest(place: Place) -> None:
    async with serving(answer(ARCHIVE)) as server:
        assert await place.read(server.url, DIGEST) == b"{}"
        assert await place.read(server.url, DIGEST) == b"{}"
        (asked,) = server.asked
    assert asked.headers["accept-encoding"] == "identity"
    assert place.cached == [f"{DIGEST}.tar.zst"]
    assert everything(place.top / "downloads") == {}


async def test_without_a_digest_it_is_computed_and_asked_for_again(place: Place) -> None:
    async with serving(answer(ARCHIVE), answer(OTHER)) as server:
        source = ArchiveSource(server.url, "")
        first = await place.fetcher.read(source)
        assert (await place.fetcher.read(source)).text == b"other"
        pinned = Fetching(pin=first.origin)
        assert (await place.fetcher.read(source, pinned)).text == b"{}"
    assert first.origin.sha256 == DIGEST
    assert len(server.asked) == 2


async def test_a_damaged_archive_in_the_cache_is_fetched_again(place: Place) -> None:
    async with serving(answer(ARCHIVE)) as server:
        await place.read(server.url, DIGEST)
        (place.top / "cache" / f"{DIGEST}.tar.zst").write_bytes(OTHER)
        assert await place.read(server.url, DIGEST) == b"{}"
        assert len(server.asked) == 2


# Going on.


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"', None])
async def test_a_download_goes_on_where_it_was_broken_off(place: Place, etag: str | None) -> None:
    async with serving(file_server(ARCHIVE, 100_000, 50_000, 0, etag=etag)) as server:
        assert await place.read(server.url, DIGEST) == b"{}"
    ranges = [asked.headers.get("range") for asked in server.asked]
    assert ranges == [None, "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    strong = etag == '"one"'
    assert server.asked[1].headers["if-range"] == ('"one"' if strong else
                                                   "Tue, 14 Nov 2023 22:13:20 GMT")  # fmt: skip


async def test_a_download_goes_on_after_the_daemon_was_started_again(place: Place) -> None:
    async with serving(file_server(ARCHIVE, 100_000, 0, 0, 0)) as server:
        assert "the connection ended too early" in await place.refused(server.url, DIGEST)
        assert place.parts == [ARCHIVE[:100_000]]
        assert place.cached == []
        place.restart()
        assert await place.read(server.url, DIGEST) == b"{}"
        assert server.asked[-1].headers["range"] == "bytes=100000-"
    assert everything(place.top / "downloads") == {}


async def test_what_has_come_as_a_whole_is_not_asked_for_again(place: Place) -> None:
    async with serving(file_server(ARCHIVE, 100_000, 0, 0, 0)) as server:
        await place.refused(server.url, DIGEST)
        (part,) = (place.top / "downloads").glob("*.part")
        part.write_bytes(ARCHIVE)
        server.asked.clear()
        assert await place.read(server.url, DIGEST) == b"{}"
        assert server.asked == []


async def test_a_file_that_has_changed_meanwhile_is_fetched_from_its_start(place: Place) -> None:
    changed = file_server(OTHER, etag='"two"')
    async with serving(file_server(ARCHIVE, 100_000), changed) as server:
        assert await place.read(server.url) == b"other"
    assert place.cached == [f"{hashlib.sha256(OTHER).hexdigest()}.tar.zst"]


async def test_a_server_that_joins_two_files_is_asked_for_the_whole_one(place: Place) -> None:
    """It says that a part is of the same file, and it is not."""
    lying = file_server(OTHER)
    async with serving(file_server(ARCHIVE, 100_000), lying, file_server(ARCHIVE)) as server:
        assert await place.read(server.url, DIGEST) == b"{}"
    assert [asked.headers.get("range") for asked in server.asked] == [None, "bytes=100000-", None]


@pytest.mark.parametrize(
    "odd",
    [
        answer(ARCHIVE[5:], "206 Partial Content", Content_Range="bytes 5-9/10"),
        answer(ARCHIVE, "206 Partial Content"),
        answer(b"", "416 Range Not Satisfiable", Content_Range="bytes */5"),
    ],
)
async def test_an_odd_answer_to_a_range_begins_anew(place: Place, odd: bytes) -> None:
    async with serving(file_server(ARCHIVE, 1000), odd, file_server(ARCHIVE)) as server:
        assert await place.read(server.url) == b"{}"
    assert "range" not in server.asked[2].headers


async def test_a_range_that_is_shorter_than_what_was_asked_for_is_gone_on_with(
    place: Place,
) -> None:
    where = f"bytes 1000-1999/{len(ARCHIVE)}"
    short = answer(ARCHIVE[1000:2000], "206 Partial Content", Content_Range=where)
    async with serving(file_server(ARCHIVE, 1000), short, file_server(ARCHIVE)) as server:
        assert await place.read(server.url) == b"{}"
    assert server.asked[2].headers["range"] == "bytes=2000-"


async def test_without_a_mark_of_the_file_nothing_is_gone_on_with(place: Place) -> None:
    half = answer(ARCHIVE)[:100_000]
    async with serving(half, answer(ARCHIVE)) as server:
        assert await place.read(server.url, DIGEST) == b"{}"
    assert "range" not in server.asked[1].headers


async def test_a_part_that_nobody_goes_on_with_is_removed_some_day(place: Place) -> None:
    (place.top / "downloads").mkdir()
    old, young = place.top / "downloads" / "old.part", place.top / "downloads" / "young.part"
    old.touch()
    young.touch()
    long_ago = time.time() - 8 * 86400
    os.utime(old, (long_ago, long_ago))
    async with serving(answer(ARCHIVE)) as server:
        await place.read(server.url)
    assert not old.exists()
    assert young.exists()


async def test_a_link_in_the_place_of_a_part_is_not_followed(place: Place) -> None:
    (place.top / "victim").write_bytes(b"untouched")
    async with serving(file_server(ARCHIVE, 1000, 0, 0, 0)) as server:
        await place.refused(server.url)
        (part,) = (place.top / "downloads").glob("*.part")
        part.unlink()
        part.symlink_to(place.top / "victim")
        assert await place.read(server.url) == b"{}"
    assert (place.top / "victim").read_bytes() == b"untouched"


# Failing.


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("404 Not Found", "it is not there (HTTP status 404)"),
        ("410 Gone", "it is not there any more (HTTP status 410)"),
        ("401 Unauthorized", "it asks who you are (HTTP status 401)"),
        ("403 Forbidden", "you may not read it (HTTP status 403)"),
        ("418 I am a teapot", "the server cannot give it (HTTP status 418)"),
        ("204 No Content", "the server cannot give it (HTTP status 204)"),
    ],
)
async def test_a_refusal_is_final(place: Place, status: str, why: str) -> None:
    async with serving(answer(b"", status, Content_Length=None)) as server:
        assert await place.refused(server.url) == f"cannot fetch '{server.url}': {why}"
        assert len(server.asked) == 1
    assert nothing_left(place)


async def test_a_server_that_is_not_well_is_asked_again(place: Place) -> None:
    ill = answer(b"", "503 Service Unavailable")
    async with serving(ill, answer(b"", "500 x"), answer(ARCHIVE)) as server:
        assert await place.read(server.url) == b"{}"
    assert len(server.asked) == 3


async def test_a_server_that_stays_ill_is_given_up(place: Place) -> None:
    async with serving(answer(b"", "500 Internal Server Error")) as server:
        said = await place.refused(server.url)
        assert said.endswith(": the server cannot give it (HTTP status 500)")
        assert len(server.asked) == QUICK.attempts
    assert nothing_left(place)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (b"", "the connection ended without an answer"),
        (b"garbage\r\n\r\n", "what answers does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "what answers does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000, "what answers does not speak HTTP"),
        (answer(ARCHIVE, Content_Length=str(len(ARCHIVE) + 1)), "the connection ended too early"),
        (
            answer(b"5\r\nhal", Content_Length=None, Transfer_Encoding="chunked"),
            "the connection ended too early",
        ),
    ],
)
async def test_an_answer_that_is_none_is_tried_again_and_given_up(
    place: Place, odd: bytes, why: str
) -> None:
    async with serving(odd) as server:
        assert await place.refused(server.url) == f"cannot fetch '{server.url}': {why}"
        assert len(server.asked) == QUICK.attempts
    assert place.cached == []


async def test_nobody_at_an_address_is_said_so(place: Place) -> None:
    async with serving(b"") as server:
        pass
    said = await place.refused(server.url)
    assert said == f"cannot fetch '{server.url}': connection refused"
    assert [note.text for note in place.notes] == [
        "downloading 'arm.tar.zst' again: connection refused"
    ] * (QUICK.attempts - 1)
    assert nothing_left(place)


@pytest.mark.parametrize("length", [len(ARCHIVE) - 1, 10, 0])
async def test_a_length_that_is_too_short_gives_another_digest(place: Place, length: int) -> None:
    async with serving(answer(ARCHIVE, Content_Length=str(length))) as server:
        assert "is not the expected one" in await place.refused(server.url, DIGEST)
    assert nothing_left(place)


async def test_a_wrong_digest_is_named_with_the_right_one_and_nothing_is_kept(place: Place) -> None:
    expected = "0" * 64
    async with serving(answer(ARCHIVE)) as server:
        with pytest.raises(DigestMismatch) as caught:
            await place.read(server.url, expected)
        assert caught.value.sentence == (
            f"the SHA-256 of '{server.url}' is not the expected one: "
            f"expected {expected}, computed {DIGEST}"
        )
        assert len(server.asked) == 1
    assert nothing_left(place)


async def test_a_page_in_the_place_of_an_archive_is_not_kept(place: Place) -> None:
    async with serving(answer(b"<html>Sign in</html>")) as server:
        with pytest.raises(BadArchive, match="it is not packed with zstd"):
            await place.read(server.url)
    assert nothing_left(place)


async def test_what_the_server_packs_once_more_is_refused(place: Place) -> None:
    async with serving(answer(ARCHIVE, Content_Encoding="gzip")) as server:
        said = await place.refused(server.url, DIGEST)
    assert said.endswith(": the server packs it once more, with 'gzip'")
    assert nothing_left(place)


async def test_a_server_that_takes_the_archive_s_own_packing_for_its_own_is_understood(
    place: Place,
) -> None:
    async with serving(answer(ARCHIVE, Content_Encoding="zstd")) as server:
        assert await place.read(server.url, DIGEST) == b"{}"


async def test_an_answer_in_chunks_has_no_length_and_is_whole(place: Place) -> None:
    half = len(ARCHIVE) // 2
    body = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (ARCHIVE[:half], ARCHIVE[half:], b""))
    async with serving(answer(body, Content_Length=None, Transfer_Encoding="chunked")) as server:
        assert await place.read(server.url, DIGEST) == b"{}"
    assert not any(" of " in note.text for note in place.notes)


@pytest.mark.parametrize("length", [None, "2000000"])
async def test_what_is_too_large_is_refused(place: Place, length: str | None) -> None:
    async with serving(answer(bytes(1_100_000), Content_Length=length)) as server:
        assert (await place.refused(server.url)).endswith(": it is larger than 1 MB")
        assert len(server.asked) == 1
    assert nothing_left(place)


async def test_what_never_ends_is_refused(place: Place) -> None:
    async def endless(stream: trio.SocketStream, asked: Asked) -> None:
        del asked
        await stream.send_all(answer(b"", Content_Length=None))
        while True:
            await stream.send_all(bytes(65536))

    async with serving(endless) as server:
        with trio.fail_after(10):
            assert (await place.refused(server.url)).endswith(": it is larger than 1 MB")
    assert nothing_left(place)


async def _silent(stream: trio.SocketStream, asked: Asked) -> None:
    del asked
    await stream.send_all(answer(ARCHIVE, ETag='"one"')[:5000])
    await trio.sleep_forever()


async def _dripping(stream: trio.SocketStream, asked: Asked) -> None:
    del asked
    for byte in answer(ARCHIVE, ETag='"one"'):
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.01)


async def test_a_server_that_falls_silent_is_left(place: Place) -> None:
    place.restart(DownloadLimits(idle=0.1, pause=0.01, attempts=2))
    async with serving(_silent) as server:
        assert (await place.refused(server.url)).endswith(": nothing has come for 0.1 s")
    assert place.cached == []


async def test_a_server_that_never_comes_to_an_end_is_left(place: Place) -> None:
    place.restart(DownloadLimits(time=0.3))
    async with serving(_dripping) as server:
        with pytest.raises(Unreachable, match=r": it takes longer than 0\.3 s"):
            await place.read(server.url)


# Redirections.


async def test_a_redirection_is_followed_wherever_http_leads(place: Place) -> None:
    async with serving(answer(ARCHIVE)) as other, serving(sent_on("/x?y=1", "301 x")) as server:
        server.answers.append(sent_on(other.url, "308 x"))
        assert await place.read(server.url, DIGEST) == b"{}"
    assert [asked.target for asked in server.asked] == ["/arm.tar.zst", "/x?y=1"]


async def test_a_loop_has_an_end(place: Place) -> None:
    async with serving(sent_on("/arm.tar.zst")) as server:
        assert (await place.refused(server.url)).endswith(": it is sent on more than 5 times")
        assert len(server.asked) == 6
    assert nothing_left(place)


@pytest.mark.parametrize(
    "to",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "javascript:0", ""],
)
async def test_a_redirection_to_anything_else_is_refused(place: Place, to: str) -> None:
    async with serving(sent_on(to), answer(b"", "404 Not Found")) as server:
        said = await place.refused(server.url)
    assert "which is not an http or https address" in said or "an address that is none" in said
    assert nothing_left(place)
    assert not place.cached


async def test_a_password_is_shown_to_nobody_but_its_server(place: Place) -> None:
    async with serving(answer(b"", "403 Forbidden")) as other, serving(sent_on("/x")) as server:
        server.answers.append(sent_on(other.url))
        url = server.url.replace("//", "//me:hunter2@") + "?token=hunter3"
        said = await place.refused(url)
    authorized = ["authorization" in asked.headers for asked in (*server.asked, *other.asked)]
    assert authorized == [True, True, False]
    assert "token=hunter3" in server.asked[0].target
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert "hunter" not in said + repr(place.notes)


async def test_no_file_is_named_for_a_password(place: Place) -> None:
    async with serving(file_server(ARCHIVE, 1000, 0, 0, 0)) as server:
        await place.refused(server.url.replace("//", "//me:hunter2@"))
        assert place.parts
        texts = everything(place.top)
        assert "hunter" not in repr(texts)
        assert await place.read(server.url) == b"{}"
        # Whoever asks means the same file.
        assert server.asked[-1].headers["range"] == "bytes=1000-"


# Together.


async def test_two_at_once_fetch_one_archive_once(place: Place) -> None:
    found: list[bytes] = []

    async def read(url: str) -> None:
        found.append(await place.read(url, DIGEST))

    async with serving(file_server(ARCHIVE, 1000)) as server, trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(read, server.url)
    assert found == [b"{}"] * 3
    assert len(server.asked) == 2
    assert f"waiting for a download of '{server.url}'" in [note.text for note in place.notes]


async def test_one_that_is_given_up_leaves_the_other_what_has_come(place: Place) -> None:
    async with serving(_silent, file_server(ARCHIVE)) as server, trio.open_nursery() as nursery:
        first = trio.CancelScope()

        async def give_up() -> None:
            with first:
                await place.read(server.url, DIGEST)

        nursery.start_soon(give_up)
        await trio.testing.wait_all_tasks_blocked(0.05)
        first.cancel()
        assert await place.read(server.url, DIGEST) == b"{}"
    assert first.cancelled_caught
    assert server.asked[1].headers.get("range", "").startswith("bytes=")
    assert everything(place.top / "downloads") == {}


# What the caller's environment says.


async def test_a_proxy_of_the_caller_is_used_and_one_of_the_daemon_is_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(answer(ARCHIVE)) as server, serving(answer(OTHER)) as proxy:
        assert await place.read(server.url) == b"{}"
        place.environment["http_proxy"] = f"http://me:hunter2@127.0.0.1:{proxy.port}"
        assert await place.read(server.url) == b"other"
        assert proxy.asked[0].target == server.url
        assert "proxy-authorization" in proxy.asked[0].headers
        for without in ("127.0.0.1", "*", "robots.example, 127.0.0.1"):
            place.environment["no_proxy"] = without
            assert await place.read(server.url) == b"{}"
        assert len(proxy.asked) == 1
        place.environment["no_proxy"] = "robots.example,localhost,::1,10.0.0.0/8,http://x"
        assert await place.read(server.url) == b"other"


@pytest.mark.parametrize("proxy", ["ftp://me:hunter2@x", "socks5://me:hunter2@127.0.0.1:1"])
async def test_a_proxy_that_cannot_be_used_is_named(place: Place, proxy: str) -> None:
    place.environment["ALL_PROXY"] = proxy
    said = await place.refused("http://127.0.0.1:1/arm.tar.zst")
    assert said.endswith(" is not a proxy that can be used")
    assert "hunter" not in said


async def test_certificates_that_cannot_be_read_are_named(place: Place) -> None:
    place.environment["SSL_CERT_FILE"] = str(place.top / "none.pem")
    said = await place.refused("https://127.0.0.1:1/arm.tar.zst")
    assert said == (
        f"cannot read the certificates in '{place.top}/none.pem': no such file or directory"
    )


# Progress.


async def test_progress_is_told_in_bytes_and_not_too_often(place: Place) -> None:
    place.restart(DownloadLimits(note_every=0.05))

    async def slowly(stream: trio.SocketStream, asked: Asked) -> None:
        del asked
        whole = answer(ARCHIVE)
        for at in range(0, len(whole), 3000):
            await stream.send_all(whole[at : at + 3000])
            await trio.sleep(0.001)

    begun = trio.current_time()
    async with serving(slowly) as server:
        await place.read(server.url)
    most = (trio.current_time() - begun) / 0.05 + 2
    told = [note.text for note in place.notes]
    assert 2 <= len(told) <= most
    assert all(text.endswith(" MB of 0.3 MB") for text in told)
    assert {without_time(text) for text in told} == {"downloading 'arm.tar.zst'"}
    assert {note.stream for note in place.notes} == {"doing"}
