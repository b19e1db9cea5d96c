"""Archives that nobody should unpack: each is refused in its own words, and nothing comes of it."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from peppy.actors.host import archive_contents as contents
from peppy.actors.host.archive_limits import BadArchive
from peppy.actors.host.archive_source import ArchiveFetcher
from peppy.actors.host.ports import Fetching
from peppy.schema.sources import ArchiveSource
from tests.actors.host.archive_samples import URL, everything, in_cache
from tests.actors.host.archive_traps import HOSTILE, SMALL


class Anything(Mapping[str, str]):
    """Takes every entry to the place that it names itself."""

    def __getitem__(self, path: str) -> str:
        return path or "."

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 150
    assert len({archive for archive, _ in HOSTILE.values()}) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_archive_is_refused_in_its_own_words_and_leaves_nothing(
    name: str, tmp_path: Path
) -> None:
    archive, said = HOSTILE[name]
    (tmp_path / "beside").write_bytes(b"untouched")
    before = everything(tmp_path)
    fetcher = ArchiveFetcher(tmp_path / "cache", tmp_path / "downloads", SMALL)
    source = ArchiveSource(URL, in_cache(tmp_path / "cache", archive))
    with pytest.raises(BadArchive) as caught:
        await fetcher.fetch(source, tmp_path / "into", Fetching(offline=True))
    assert said in caught.value.why
    assert caught.value.sentence == f"the archive '{URL}' cannot be used: {caught.value.why}"
    assert everything(tmp_path) == {**before, "cache": None}
    # What unpacks it does not rely on somebody having looked before.
    with pytest.raises(BadArchive) as caught:
        contents.unpack(io.BytesIO(archive), Anything(), tmp_path / "into", SMALL)
    assert said in caught.value.why or "has become a link" in caught.value.why
    assert everything(tmp_path) == {**before, "cache": None}


def test_no_sentence_about_an_archive_can_move_a_cursor() -> None:
    for archive, _ in HOSTILE.values():
        with pytest.raises(BadArchive) as caught:
            contents.listing(io.BytesIO(archive), SMALL)
        assert str(caught.value).replace("\n", "").isprintable()
