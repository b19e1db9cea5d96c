"""Archives that are traps, and what is said of each."""

import zstandard

from peppy.actors.host.archive_header import BLOCK
from peppy.actors.host.archive_limits import ArchiveLimits
from tests.actors.host.archive_samples import (
    END,
    GNU,
    directory,
    file,
    gnu_long,
    header,
    link,
    node,
    packed,
    pax,
    record,
    records,
)

SMALL = ArchiveLimits(
    total=4_000_000, largest=200_000, free=1_000_000, ratio=50, entries=50, names=5000,
    extension=4096, depth=10, window=8 << 20,
)  # fmt: skip
"""Limits that are passed in milliseconds."""

LATE = "something follows its end that does not belong to it"
NO_HEADER = "what should be a header is none of tar's (ustar, pax or GNU)"


def wide(data: bytes, window_log: int = 27) -> bytes:
    """Pack so that unpacking takes a window of that many bits."""
    parameters = zstandard.ZstdCompressionParameters(
        window_log=window_log, write_content_size=False
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(data) + compressor.flush()


def zeros(length: int) -> bytes:
    return bytes(length)


GOOD = node(file(b"a"))
DEEP = b"/".join([b"d"] * 12)

HOSTILE: dict[str, tuple[bytes, str]] = {
    # Places.
    "absolute": (node(file(b"/etc/passwd")), "the name '/etc/passwd' is absolute"),
    "absolute after dots": (node(file(b"//etc/passwd")), "the name '//etc/passwd' is absolute"),
    "absolute by prefix": (node(file(b"b", prefix=b"/a")), "the name '/a/b' is absolute"),
    "absolute by pax": (node(pax(path="/a"), file(b"a")), "the name '/a' is absolute"),
    "absolute by GNU": (
        node(gnu_long(b"/a\0"), file(b"a", magic=GNU)),
        "the name '/a' is absolute",
    ),
    "absolute directory": (node(directory(b"/")), "the name '/' is absolute"),
    "up": (node(file(b"../a")), "the name '../a' holds '..'"),
    "up within": (node(file(b"a/../../b")), "the name 'a/../../b' holds '..'"),
    "up and back": (node(file(b"a/../b")), "the name 'a/../b' holds '..'"),
    "up at the end": (node(directory(b"a/..")), "the name 'a/..' holds '..'"),
    "up by prefix": (node(file(b"a", prefix=b"..")), "the name '../a' holds '..'"),
    "up by pax": (node(pax(path="a/../../b"), file(b"a")), "the name 'a/../../b' holds '..'"),
    "up by GNU": (node(gnu_long(b"../a\0"), file(b"a", magic=GNU)), "the name '../a' holds '..'"),
    "up as a directory": (node(directory(b"../")), "the name '../' holds '..'"),
    "up as a link": (node(link(b"../a", b"b")), "the name '../a' holds '..'"),
    # Names.
    "no name": (node(file(b"")), "an entry has no name"),
    "file as the top": (node(file(b".")), "'.' is a file, and its name is a directory's"),
    "file with a slash": (node(file(b"a/")), "'a/' is a file, and its name is a directory's"),
    "link as the top": (node(link(b"./", b"x")), "'./' is a link, and its name is a directory's"),
    "line end": (node(file(b"a\nb")), "the name 'a\\nb' holds a control character"),
    "escape": (node(file(b"\x1b[2J")), "the name '\\x1b[2J' holds a control character"),
    "delete": (node(file(b"a\x7f")), "the name 'a\\x7f' holds a control character"),
    "C1": (node(file("a\x9bb".encode())), "the name 'a\\x9bb' holds a control character"),
    "line separator": (
        node(file("a\u2028".encode())),
        "the name 'a\\u2028' holds a control character",
    ),
    "right to left": (
        node(file("a\u202egnp.sh".encode())),
        "the name 'a\\u202egnp.sh' holds a control",
    ),
    "not UTF-8": (node(file(b"caf\xe9")), "the name 'caf\\xe9' is not UTF-8"),
    "overlong UTF-8": (node(file(b"..\xc0\xafa")), "the name '..\\xc0\\xafa' is not UTF-8"),
    "surrogate": (node(file(b"\xed\xa0\x80")), "the name '\\xed\\xa0\\x80' is not UTF-8"),
    "hidden behind NUL": (node(file(b"a\0b")), "something is hidden behind the name 'a'"),
    "NUL in a prefix": (
        node(file(b"a", prefix=b"b\0c")),
        "something is hidden behind the name 'b'",
    ),
    "NUL in a link": (node(link(b"l", b"a\0b")), "something is hidden behind the name 'a'"),
    "NUL by pax": (node(pax(path=b"a\0b"), file(b"a")), "a pax header says 'path' without a value"),
    "NUL by GNU": (node(gnu_long(b"a\0b\0"), file(b"a")), "a long name is empty or holds a NUL"),
    "empty by GNU": (node(gnu_long(b"\0"), file(b"a")), "a long name is empty or holds a NUL"),
    "long part": (node(pax(path="x" * 256), file(b"a")), "is longer than 255 bytes"),
    "long path": (node(pax(path="xy/" * 400), file(b"a")), "is longer than 1024 bytes"),
    "long path by GNU": (
        node(gnu_long(b"x/" * 600 + b"x\0"), file(b"a")),
        "is longer than 1024 bytes",
    ),
    "too deep": (node(file(DEEP)), "more than 10 directories lie in one another"),
    "too deep directory": (node(directory(DEEP)), "more than 10 directories lie in one another"),
    # What fits together.
    "twice": (node(file(b"a"), file(b"a")), "'a' is in it twice"),
    "twice in disguise": (node(file(b"a/b"), file(b"./a//./b")), "'a/b' is in it twice"),
    "document twice": (node(file(b"peppy.json5")), "'peppy.json5' is in it twice"),
    "directory twice": (node(directory(b"a"), directory(b"a/")), "'a' is in it twice"),
    "top twice": (node(directory(b"./"), directory(b".")), "its top is in it twice"),
    "link twice": (node(link(b"l", b"a"), link(b"l", b"b")), "'l' is in it twice"),
    "file then directory": (
        node(file(b"a"), directory(b"a")),
        "'a' is both a file and a directory",
    ),
    "directory then file": (
        node(directory(b"a"), file(b"a")),
        "'a' is both a directory and a file",
    ),
    "implied then file": (
        node(file(b"a/b"), file(b"a")),
        "'a' is both a directory and a file in it",
    ),
    "in a file": (node(file(b"a"), file(b"a/b")), "'a/b' lies in 'a', which is a file"),
    "deep in a file": (node(file(b"a"), file(b"a/b/c")), "'a/b/c' lies in 'a', which is a file"),
    # Links.
    "link absolute": (node(link(b"l", b"/etc")), "the link 'l' leads to the absolute path '/etc'"),
    "link out": (node(link(b"l", b"..")), "the link 'l' leads out of the archive, to '..'"),
    "link out from within": (
        node(link(b"a/l", b"../../x")),
        "the link 'a/l' leads out of the archive",
    ),
    "link out and back": (node(link(b"l", b"../arm/a")), "the link 'l' leads out of the archive"),
    "link out after in": (node(link(b"l", b"a/../../b")), "the link 'l' leads out of the archive"),
    "link out by pax": (
        node(pax(linkpath="../x"), link(b"l", b"a")),
        "leads out of the archive, to '../x'",
    ),
    "link out by GNU": (
        node(gnu_long(b"../x\0", b"K"), link(b"l", b"a")),
        "leads out of the archive",
    ),
    "link nowhere": (node(link(b"l", b"")), "the link 'l' leads nowhere"),
    "link not UTF-8": (
        node(link(b"l", b"\xff")),
        "the target of the link 'l', '\\xff' is not UTF-8",
    ),
    "link control": (node(link(b"l", b"\x1b[m")), "'\\x1b[m' holds a control character"),
    "written through a link": (
        node(link(b"l", b"."), file(b"l/x")),
        "'l/x' lies in 'l', which is a link",
    ),
    "through a link to out": (
        node(link(b"a/b", b".."), link(b"l", b"a/b/../x")),
        "the link 'l' leads through the link 'a/b'",
    ),
    "through a later link": (
        node(link(b"l", b"m/x"), link(b"m", b".")),
        "the link 'l' leads through the link 'm'",
    ),
    "link becomes a directory": (
        node(link(b"l", b"a"), directory(b"l")),
        "'l' is both a link and a directory",
    ),
    "link becomes a file": (
        node(link(b"l", b"a"), file(b"l")),
        "'l' is both a link and a file in it",
    ),
    "directory becomes a link": (
        node(directory(b"l"), link(b"l", b"a")),
        "'l' is both a directory and a link",
    ),
    "document becomes a link": (
        node(link(b"peppy.json5", b"a")),
        "'peppy.json5' is both a file and a link",
    ),
    # Kinds.
    "hard link": (node(header(b"h", b"1", link=b"peppy.json5")), "'h' is a hard link"),
    "hard link out": (node(header(b"h", b"1", link=b"/etc/passwd")), "'h' is a hard link"),
    "character device": (node(header(b"null", b"3")), "'null' is a device"),
    "block device": (node(header(b"sda", b"4")), "'sda' is a device"),
    "named pipe": (node(header(b"p", b"6")), "'p' is a named pipe"),
    "contiguous": (node(file(b"c", kind=b"7")), "'c' is a file in one piece"),
    "sparse": (node(file(b"s", kind=b"S", magic=GNU)), "'s' is a file with holes"),
    "sparse by pax": (
        node(pax(**{"GNU.sparse.major": "1"}), file(b"s")),
        "it holds a file with holes (pax keyword 'GNU.sparse.major')",
    ),
    "sparse by star": (
        node(pax(**{"SCHILY.realsize": "9"}), file(b"s")),
        "it holds a file with holes",
    ),
    "volume label": (node(header(b"vol", b"V")), "'vol' is a volume's label"),
    "other volume": (node(file(b"m", kind=b"M")), "'m' is the rest of a file from another volume"),
    "incremental": (node(file(b"d", kind=b"D")), "'d' is a directory of an incremental backup"),
    "unknown": (node(file(b"u", kind=b"Z")), "'u' is of the unknown type 'Z'"),
    "Solaris header": (node(file(b"u", kind=b"X")), "'u' is of the unknown type 'X'"),
    # Headers.
    "directory with data": (
        node(file(b"d", kind=b"5")),
        "'d' is a directory, and has data as files have",
    ),
    "link with data": (node(file(b"l", kind=b"2", link=b"a")), "'l' is a link, and has data"),
    "file with a target": (node(pax(linkpath="x"), file(b"a")), "'a' is a file, and has a target"),
    "wrong checksum": (
        node(header(b"a", checksum=b"000001\0 ")),
        "the checksum of a header is wrong",
    ),
    "no checksum": (node(header(b"a", checksum=b"        ")), "the checksum of a header is wrong"),
    "odd checksum": (
        node(header(b"a", checksum=b"9z9z9z\0 ")),
        "the checksum of an entry is not a number",
    ),
    "no tar": (packed(b"x" * BLOCK), NO_HEADER),
    "old tar": (node(header(b"a", magic=bytes(8))), NO_HEADER),
    "half a magic": (node(header(b"a", magic=b"ustar\x00 \x00")), NO_HEADER),
    "negative size": (
        node(header(b"a", size=b"\xff" * 12)),
        "the size of an entry is not a number that",
    ),
    "binary size": (
        node(header(b"a", size=b"\x80" + bytes(10) + b"\1")),
        "the size of an entry is not a",
    ),
    "odd size": (node(header(b"a", size=b"0000000008x\0")), "the size of an entry is not a number"),
    "minus size": (
        node(header(b"a", size=b"-0000000001\0")),
        "the size of an entry is not a number",
    ),
    "two sizes": (
        node(header(b"a", size=b"00001 00002\0")),
        "the size of an entry is not a number",
    ),
    "odd mode": (node(header(b"a", mode=b"rw-r--r-")), "the mode of an entry is not a number"),
    "large by header": (node(header(b"a", size=200_001)), "'a' is larger than 200000 bytes"),
    "huge by header": (node(header(b"a", size=b"777777777777")), "'a' is larger than"),
    "huge by pax": (node(pax(size="9" * 19), file(b"a")), "'a' is larger than"),
    "size by pax too long": (
        node(pax(size="9" * 5000), file(b"a")),
        "a header in it is longer than 4 KiB",
    ),
    "size by pax odd": (
        node(pax(size="0x10"), file(b"a")),
        "a pax header says a size that is not a number",
    ),
    "size by pax minus": (node(pax(size="-1"), file(b"a")), "a pax header says a size that is not"),
    "size by pax hides": (node(pax(size="0"), file(b"a", bytes([1]) * BLOCK)), NO_HEADER),
    # Extended headers.
    "pax without length": (node(records(b"path=x\n"), file(b"a")), "has a record without a length"),
    "pax length zero": (node(records(b"0 path=x\n"), file(b"a")), "has a record without a length"),
    "pax length minus": (
        node(records(b"-9 path=x\n"), file(b"a")),
        "has a record without a length",
    ),
    "pax length padded": (
        node(records(b"0010 path=x\n"), file(b"a")),
        "has a record without a length",
    ),
    "pax length huge": (
        node(records(b"99999999 path=x\n"), file(b"a")),
        "has a record without a length",
    ),
    "pax length short": (
        node(records(b"5 path=x\n"), file(b"a")),
        "has a record that is not whole",
    ),
    "pax length long": (
        node(records(b"99 path=x\n"), file(b"a")),
        "has a record that is not whole",
    ),
    "pax length of itself": (
        node(records(b"1 path=x\n"), file(b"a")),
        "has a record that is not whole",
    ),
    "pax no end": (node(records(b"8 path=x"), file(b"a")), "has a record that is not whole"),
    "pax no value": (node(records(b"8 pathx\n"), file(b"a")), "has a record that is not whole"),
    "pax no key": (
        node(records(record("", "x")), file(b"a")),
        "a pax header says '' twice, or of nothing",
    ),
    "pax key twice": (
        node(records(record("path", "x") + record("path", "y")), file(b"a")),
        "a pax header says 'path' twice",
    ),
    "pax empty path": (node(pax(path=""), file(b"a")), "a pax header says 'path' without a value"),
    "two pax headers": (
        node(pax(path="x"), pax(path="y"), file(b"a")),
        "two pax headers are about one entry",
    ),
    "two long names": (
        node(gnu_long(b"x\0"), gnu_long(b"y\0"), file(b"a")),
        "two long names are given",
    ),
    "two long targets": (
        node(gnu_long(b"x\0", b"K"), gnu_long(b"y\0", b"K"), link(b"l", b"a")),
        "two long targets are given to one link",
    ),
    "two different names": (
        node(gnu_long(b"x\0"), pax(path="y"), file(b"a")),
        "an entry has two names: 'x' and 'y'",
    ),
    "pax at the end": (node(pax(path="x")), "it ends where an entry should follow"),
    "long name at the end": (node(gnu_long(b"x\0")), "it ends where an entry should follow"),
    "global path": (
        node(records(record("path", "x"), b"g"), file(b"a")),
        "says 'path' of all entries at once",
    ),
    "global target": (
        node(records(record("linkpath", "x"), b"g")),
        "says 'linkpath' of all entries at once",
    ),
    "global size": (
        node(records(record("size", "0"), b"g"), file(b"a")),
        "says 'size' of all entries at once",
    ),
    "global in between": (
        node(pax(path="x"), records(record("comment", "x"), b"g"), file(b"a")),
        "a pax header for all entries stands where none may",
    ),
    "many globals": (node(*[records(record("comment", "x"), b"g")] * 17), "stands where none may"),
    "long header": (node(records(record("comment", "x" * 5000)), file(b"a")), "longer than 4 KiB"),
    "endless header": (node(header(b"x", b"x", size=b"77777777777\0")), "longer than 4 KiB"),
    # Ends.
    "empty file": (b"", "it is empty"),
    "not packed": (file(b"a") + END, "it is not packed with zstd"),
    "gzip": (b"\x1f\x8b\x08" + bytes(500), "it is not packed with zstd"),
    "a web page": (b"<html>Sign in</html>" * 30, "it is not packed with zstd"),
    "half a frame": (GOOD[: len(GOOD) // 2], "it ends too early"),
    "all but a byte": (GOOD[:-1], "it ends too early"),
    "no end": (packed(file(b"a"), end=b""), "it ends too early"),
    "half an end": (packed(file(b"a"), end=END[BLOCK:]), "it ends too early"),
    "half a header": (packed(header(b"a")[:300], end=b""), "it ends too early"),
    "less data than said": (packed(header(b"a", size=5000)), "it ends too early"),
    "gap in the end": (packed(file(b"a"), bytes(BLOCK), file(b"b")), LATE),
    "more after the end": (packed(file(b"a"), END, file(b"b")), LATE),
    "a second archive": (GOOD + packed(file(b"../b")), LATE),
    "garbage behind": (GOOD + b"garbage", LATE),
    "flipped bit": (GOOD[:40] + bytes([GOOD[40] ^ 1]) + GOOD[41:], "it is damaged"),
    "wrong checksum of a frame": (GOOD[:-4] + bytes(4), "it is damaged"),
    # Bombs.
    "zeros behind": (node() + zstandard.compress(zeros(3_900_000)), "more than 50 times its size"),
    "zeros in a file": (
        node(*[file(b"z%d" % n, zeros(190_000)) for n in range(6)]),
        "more than 50 times",
    ),
    "zeros before": (wide(zeros(30_000_000), 20) + GOOD, "it unpacks to more than 4000000 bytes"),
    "wide window": (wide(file(b"a") + END), "unpacking it takes more than 8 MiB of memory"),
    "many files": (
        node(*[header(b"f%d" % n) for n in range(60)]),
        "more than 50 files and directories",
    ),
    "many implied": (
        node(*[header(b"a%d/b/c/d/e/f/g" % n) for n in range(9)]),
        "more than 50 files",
    ),
    "long names": (
        node(*[pax(path=f"{n}/" + "x" * 250) + file(b"a") for n in range(24)]),
        "longer than 5000 bytes together",
    ),
    "long targets": (
        node(*[pax(linkpath="x" * 200) + link(b"l%d" % n, b"") for n in range(30)]),
        "together",
    ),
}
