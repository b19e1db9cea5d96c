"""Nodes from archives with the real command, real tar, TLS and disks that are full."""

import os
import random
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio
import zstandard

from peppy.actors.host.archive_source import ArchiveFetcher
from peppy.actors.host.download_limits import DownloadLimits
from peppy.actors.host.ports import Fetching, HostError
from peppy.schema.sources import ArchiveSource
from tests.actors.host.archive_samples import directory, everything, file, in_cache, link, packed
from tests.actors.host.test_archive_fuzz import GOOD, UNPACKED, look, summed
from tests.e2e.harness import Peppy, wait_until
from tests.e2e.test_disk_stress import mount
from tests.e2e.test_robustness import daemon_pid, instances, make, refused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

MIB = 1024 * 1024
FUZZ_TIME = float(os.environ.get("PEPPY_FUZZ_SECONDS", "8"))


class ArchiveServer(ThreadingHTTPServer):
    """Serves bytes by their path, and ranges of them; it can wait in the middle."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.ranges: list[str | None] = []
        self.waits_after: int | None = None
        """Bytes after which an answer is not gone on with."""
        self.flows = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Bear those who leave in the middle."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, ArchiveServer)
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        if self.path in server.moved:
            self.send_response(302)
            self.send_header("Location", server.moved[self.path])
            self.end_headers()
            return
        body = server.files[self.path]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("ETag", '"the only one"')
        self.send_header("Content-Length", str(len(body) - start))
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        if server.waits_after is not None:
            self.wfile.write(body[start : server.waits_after])
            self.wfile.flush()
            server.flows.wait(60)
            start = max(start, server.waits_after)
        self.wfile.write(body[start:])

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Generator[ArchiveServer, None, None]:
    server = ArchiveServer()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.flows.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server() -> Iterator[ArchiveServer]:
    with serving() as server:
        yield server


def address(server: ArchiveServer, name: str = "arm.tar.zst", scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.server_port}/{name}"


def tar(*words: str) -> None:
    subprocess.run(["tar", *words], check=True, capture_output=True)


@pytest.fixture
def node(peppy: Peppy) -> Path:
    """The directory of a node, with what makes it worth a download."""
    node = make(peppy, "arm", work='print("moved", flush=True)')
    (node / "model.bin").write_bytes(os.urandom(3 * MIB))
    (node / "link").symlink_to("model.bin")
    return node


def test_a_node_in_an_archive_runs(peppy: Peppy, node: Path, server: ArchiveServer) -> None:
    archive = peppy.work / "arm.tar.zst"
    tar("--zstd", "-cf", str(archive), "-C", str(peppy.work), "arm")
    server.files["/arm.tar.zst"] = archive.read_bytes()
    shutil.rmtree(node)
    peppy("node", "add", "-r", address(server), "-i", "left")
    wait_until(lambda: "moved" in peppy.log_of("left"), "the arm's movement")
    (snapshot,) = (peppy.home / "built_nodes").glob("arm_v1_*")
    assert {path.name for path in snapshot.iterdir()} >= {"peppy.json5", "model.bin", "program.py"}
    assert not (snapshot / "link").exists()
    peppy("node", "add", "-r", address(server), "-i", "right", "--stop-instances")
    assert set(instances(peppy)) == {"right"}


def left_behind(peppy: Peppy) -> list[str]:
    """Return what lies where nothing should after a refusal."""
    places = ("built_nodes", "cache/archives", "http_downloads", "tmp", "instances")
    return [str(path) for place in places for path in (peppy.home / place).rglob("*")]


def test_a_hostile_archive_is_refused_and_leaves_nothing(
    peppy: Peppy, server: ArchiveServer
) -> None:
    peppy("stack", "list")
    before = left_behind(peppy)
    for name, archive, why in (
        ("up", packed(file(b"peppy.json5"), file(b"../../evil")), "holds '..'"),
        ("link", packed(link(b"l", b"/etc"), file(b"l/passwd")), "leads to the absolute path"),
        ("bomb", zstandard.compress(bytes(100 * MIB)), "times its size"),
        ("page", b"<html>", "it is not packed with zstd"),
        ("empty", packed(), "there is no 'peppy.json5' in"),
    ):
        server.files[f"/{name}.tar.zst"] = archive
        said = refused(peppy.try_("node", "add", address(server, f"{name}.tar.zst")))
        assert why in said
        assert address(server, f"{name}.tar.zst") in said
    cached = [path for path in left_behind(peppy) if "/archives/" in path]
    # An archive that is in order is kept, though it holds no node.
    assert len(cached) == 1
    assert sorted(set(left_behind(peppy)) - set(cached)) == sorted(before)


@pytest.mark.parametrize("kill", [False, True])
def test_a_download_that_is_broken_off_is_gone_on_with(
    peppy: Peppy, node: Path, server: ArchiveServer, kill: bool
) -> None:
    archive = peppy.work / "arm.tar.zst"
    tar("--zstd", "-cf", str(archive), "-C", str(node), ".")
    server.files["/arm.tar.zst"] = archive.read_bytes()
    server.waits_after = 2 * MIB
    peppy("stack", "list")
    adding = peppy.start("node", "add", address(server))
    parts = peppy.home / "http_downloads"
    wait_until(lambda: any(p.stat().st_size for p in parts.glob("*.part")), "the first megabyte")
    if kill:
        os.kill(daemon_pid(peppy), signal.SIGKILL)
    else:
        adding.send_signal(signal.SIGINT)
    adding.communicate(timeout=20)
    assert adding.returncode != 0
    if not kill:
        wait_until(lambda: sum(p.stat().st_size for p in parts.glob("*.part")) > MIB, "the rest")
    server.waits_after = None
    peppy("node", "add", address(server))
    assert server.ranges[0] is None
    assert re.fullmatch(r"bytes=[1-9]\d{6}-", server.ranges[-1] or "")
    assert not list(parts.iterdir())
    assert not list((peppy.home / "built_nodes").glob(".*"))


# Real tar and zstd.


def fetched(top: Path, archive: bytes) -> dict[str, bytes | None]:
    """Return what comes of an archive that is in the cache."""
    shutil.rmtree(top / "into", ignore_errors=True)
    fetcher = ArchiveFetcher(top / "cache", top / "downloads")
    source = ArchiveSource("https://robots.example/arm.tar.zst", in_cache(top / "cache", archive))

    async def fetch() -> None:
        await fetcher.fetch(source, top / "into", Fetching(offline=True))

    trio.run(fetch)
    return everything(top / "into")


@pytest.mark.parametrize("style", ["gnu", "pax", "ustar", "oldgnu"])
def test_what_tar_makes_is_taken_in_each_of_its_formats(tmp_path: Path, style: str) -> None:
    source = tmp_path / "arm"
    deep = source.joinpath(*["directory" * 3] * 5)
    deep.mkdir(parents=True)
    (deep / "file").write_text("deep")
    (source / "peppy.json5").write_text("{}")
    (source / "caf\u00e9 \U0001f9be").write_text("odd")
    (source / "empty").mkdir()
    (source / "tool").touch(mode=0o755)
    (source / "link").symlink_to("tool")
    expected = {**everything(source)}
    del expected["link"]
    for name in (".", "arm"):
        archive = tmp_path / f"{name}_.tar.zst"
        above = source if name == "." else tmp_path
        tar("--zstd", f"--format={style}", "-cf", str(archive), "-C", str(above), name)
        assert fetched(tmp_path, archive.read_bytes()) == expected
    assert (tmp_path / "into" / "tool").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--format=v7", "arm"], "is none of tar's (ustar, pax or GNU)"),
        (["--format=gnu", "--sparse", "arm", "holes"], "is a file with holes"),
        (["--format=pax", "--sparse", "arm", "holes"], "it holds a file with holes"),
        (["arm", "hard"], "'hard' is a hard link"),
        (["arm", "pipe"], "'pipe' is a named pipe"),
        (["-P", "arm", "arm/../holes"], "the name 'arm/../holes' holds '..'"),
        (["-P", "arm", "{here}/holes"], "is absolute"),
    ],
)  # fmt: skip
def test_what_tar_makes_of_anything_else_is_refused(
    tmp_path: Path, words: list[str], why: str
) -> None:
    (tmp_path / "arm").mkdir()
    (tmp_path / "arm" / "peppy.json5").write_text("{}")
    os.link(tmp_path / "arm" / "peppy.json5", tmp_path / "hard")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "holes").open("wb") as holes:
        holes.truncate(10 * MIB)
    archive = tmp_path / "a.tar.zst"
    named = [word.format(here=tmp_path) for word in words]
    tar("--zstd", "-cf", str(archive), "-C", str(tmp_path), *named)
    with pytest.raises(HostError) as caught:
        fetched(tmp_path, archive.read_bytes())
    assert why in caught.value.sentence


@pytest.mark.skipif(shutil.which("zstd") is None, reason="there is no zstd here")
@pytest.mark.parametrize("option", ["-1", "-19", "--long=27", "--no-check", "--adapt", "-T4"])
def test_what_zstd_makes_is_taken_however_it_was_told_to(tmp_path: Path, option: str) -> None:
    plain = zstandard.ZstdDecompressor().decompress(GOOD, max_output_size=MIB)
    done = subprocess.run(["zstd", "-q", option], input=plain, capture_output=True, check=True)
    assert "arm/peppy.json5" in {f"arm/{path}" for path in fetched(tmp_path, done.stdout)}


# TLS.


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody knows, with its key in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", str(key), "-out", str(made)],
        check=True, capture_output=True,
    )  # fmt: skip
    made.write_bytes(made.read_bytes() + key.read_bytes())
    return made


def test_a_server_has_to_show_a_certificate_that_the_caller_knows(
    tmp_path: Path, certificate: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    fetcher = ArchiveFetcher(tmp_path / "cache", tmp_path / "downloads")
    trusting = Fetching(environment={"SSL_CERT_FILE": str(certificate)})

    with serving(context) as server, serving() as plain:

        def read(name: str, how: Fetching) -> bytes:
            source = ArchiveSource(address(server, name, "https"), "")
            return trio.run(fetcher.read, source, how).text

        server.files["/arm.tar.zst"] = packed(file(b"peppy.json5", b"{}"))
        server.moved["/away.tar.zst"] = address(plain)
        assert read("arm.tar.zst", trusting) == b"{}"
        with pytest.raises(HostError, match=r"the server's certificate is not accepted: self"):
            read("arm.tar.zst", Fetching())
        with pytest.raises(HostError, match=r"it is sent on from https to http"):
            read("away.tar.zst", trusting)
        assert plain.ranges == []


# Disks.


@contextmanager
def small_disk(place: Path) -> Generator[Path, None, None]:
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_without_room_is_named_and_is_left_as_it_was(
    tmp_path: Path, server: ArchiveServer
) -> None:
    archive = packed(file(b"peppy.json5", b"{}"), file(b"noise", os.urandom(5 * MIB)))
    server.files["/arm.tar.zst"] = archive
    source = ArchiveSource(address(server), "")
    with small_disk(tmp_path / "disk") as disk:
        for cache, downloads, into in (
            (tmp_path / "cache", disk / "downloads", tmp_path / "into"),
            (disk / "cache", tmp_path / "downloads", tmp_path / "into"),
            (tmp_path / "cache", tmp_path / "downloads", disk / "into"),
        ):
            fetcher = ArchiveFetcher(cache, downloads, downloading=DownloadLimits(attempts=1))
            with pytest.raises(HostError, match=r"no space left on device"):
                trio.run(fetcher.fetch, source, into)
            assert not [path for path in disk.rglob("*") if path.is_file()]
            assert not into.exists()
            assert not list(tmp_path.glob(".*.tmp"))


def test_a_cache_may_lie_on_another_disk(tmp_path: Path, server: ArchiveServer) -> None:
    server.files["/arm.tar.zst"] = packed(file(b"peppy.json5", b"{}"))
    with small_disk(tmp_path / "disk") as disk:
        fetcher = ArchiveFetcher(disk / "cache", tmp_path / "downloads")
        found = trio.run(fetcher.read, ArchiveSource(address(server), ""))
        assert found.text == b"{}"
        assert [path.name for path in (disk / "cache").iterdir()] == [
            f"{found.origin.sha256}.tar.zst"
        ]
        assert everything(tmp_path / "downloads") == {}


# Anything.


def _mutation(chance: random.Random) -> Callable[[bytes], bytes]:
    at, count = chance.random(), chance.choice((1, 2, 12, 100, 512))
    new = chance.choice((b"", chance.randbytes(count), bytes(count), b"\xff" * count))

    def changed(data: bytes) -> bytes:
        place = int(at * len(data))
        return data[:place] + new + data[place + chance.choice((0, len(new), count)) :]

    return changed


@pytest.mark.timeout(FUZZ_TIME + 60)
def test_the_reader_bears_some_seconds_of_anything() -> None:
    seed = time.time_ns()
    chance, end, tried = random.Random(seed), time.monotonic() + FUZZ_TIME, 0
    longer = UNPACKED[:-1024] + directory(b"d") + link(b"d/l", b"../arm") + bytes(1024)
    while time.monotonic() < end:
        tried += 1
        data = longer
        for _ in range(chance.randrange(1, 5)):
            data = _mutation(chance)(data)
        begun = time.monotonic()
        try:
            look(zstandard.compress(summed(data) if chance.random() < 0.8 else data))
            look(_mutation(chance)(GOOD))
        except Exception as error:
            raise AssertionError(f"seed {seed}, example {tried}") from error
        assert time.monotonic() - begun < 10
    assert tried > 10
