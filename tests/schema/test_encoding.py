"""Encodings: an open set of media types."""

import copy
import pickle

import msgspec
import pytest

from peppy.schema.datastore import DatastoreEntry, Encoding


def test_the_documented_ones_have_names() -> None:
    assert Encoding("text/plain") is Encoding.TEXT_PLAIN
    assert Encoding("application/json") is Encoding.APPLICATION_JSON
    assert Encoding("application/octet-stream") is Encoding.APPLICATION_OCTET_STREAM


def test_any_other_text_is_one_as_well_and_travels() -> None:
    gif = Encoding("image/gif")
    assert (gif, str(gif), gif.value, hash(gif)) == ("image/gif",) * 3 + (hash("image/gif"),)
    assert gif not in list(Encoding)
    entry = DatastoreEntry("a", gif, "front")
    sent = msgspec.msgpack.encode(entry)
    back = msgspec.msgpack.decode(sent, type=DatastoreEntry)
    assert back == entry
    assert isinstance(back.encoding, Encoding)
    assert copy.deepcopy(gif) == pickle.loads(pickle.dumps(gif)) == gif


def test_what_is_no_text_is_none() -> None:
    with pytest.raises(ValueError, match="5 is not a valid Encoding"):
        Encoding(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
