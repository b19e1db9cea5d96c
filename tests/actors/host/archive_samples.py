"""Archives made by hand, byte by byte: as programs make them, and as nobody should."""

import hashlib
from pathlib import Path

import zstandard

from peppy.actors.host.archive_header import BLOCK

POSIX = b"ustar\x0000"
GNU = b"ustar  \x00"
END = bytes(2 * BLOCK)
URL = "https://robots.example/arm.tar.zst"


def header(
    name: bytes,
    kind: bytes = b"0",
    *,
    size: bytes | int = 0,
    link: bytes = b"",
    mode: bytes = b"0000644\0",
    magic: bytes = POSIX,
    prefix: bytes = b"",
    checksum: bytes | None = None,
    owner: bytes = b"0001750\0",
) -> bytes:
    """Return one header; the checksum is right unless it is said."""
    length = size if isinstance(size, bytes) else b"%011o\0" % size
    fields = (
        name.ljust(100, b"\0") + mode + owner + owner + length + b"14731023745\0" + b" " * 8
        + kind + link.ljust(100, b"\0") + magic + b"arm".ljust(32, b"\0") * 2
        + (b"0000000\0" * 2 if magic == POSIX else bytes(16)) + prefix.ljust(155, b"\0") + bytes(12)
    )  # fmt: skip
    assert len(fields) == BLOCK
    total = b"%06o\0 " % sum(fields) if checksum is None else checksum
    return fields[:148] + total + fields[156:]


def file(name: bytes, data: bytes = b"text", kind: bytes = b"0", **fields: bytes) -> bytes:
    """Return a header and its data."""
    said = fields.pop("size", b"%011o\0" % len(data))
    return header(name, kind, size=said, **fields) + data + bytes(-len(data) % BLOCK)


def directory(name: bytes) -> bytes:
    return header(name, b"5", mode=b"0000755\0")


def link(name: bytes, target: bytes) -> bytes:
    return header(name, b"2", link=target, mode=b"0000777\0")


def record(key: str, value: bytes | str) -> bytes:
    """Return one record of a pax header, its own length in front."""
    data = (
        b" " + key.encode() + b"=" + (value.encode() if isinstance(value, str) else value) + b"\n"
    )
    length = len(data) + 1
    while len(b"%d" % length) + len(data) != length:
        length += 1
    return b"%d" % length + data


def pax(**values: bytes | str) -> bytes:
    return file(b"PaxHeaders/x", b"".join(record(k, v) for k, v in values.items()), b"x")


def records(data: bytes, kind: bytes = b"x") -> bytes:
    """Return a pax header with any data."""
    return file(b"PaxHeaders/x", data, kind)


def gnu_long(name: bytes, kind: bytes = b"L") -> bytes:
    return file(b"././@LongLink", name, kind, magic=GNU)


def packed(*parts: bytes, end: bytes = END) -> bytes:
    """Return a `.tar.zst` of headers and data."""
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(b"".join(parts) + end)


def node(*parts: bytes) -> bytes:
    """Return an archive of a node that has also what is given."""
    return packed(file(b"peppy.json5", b"{}"), *parts)


def in_cache(cache: Path, archive: bytes) -> str:
    """Put an archive where a fetcher looks for it; return its digest."""
    digest = hashlib.sha256(archive).hexdigest()
    cache.mkdir(parents=True, exist_ok=True)
    (cache / f"{digest}.tar.zst").write_bytes(archive)
    return digest


def everything(top: Path) -> dict[str, bytes | None]:
    """Return all that lies below a directory, with its content."""
    return {
        str(path.relative_to(top)): path.read_bytes() if path.is_file() else None
        for path in top.rglob("*")
    }
