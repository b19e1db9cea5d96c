"""What a person is told of a failed build, going by what uv said."""

import pytest

from peppy.actors.rules.build_advice import build_advice

DNS = ["error: Failed to fetch: https://packages.example/zz.whl", "  cause: dns error"]
INTERPRETER = "cause: Failed to download `https://x/python-build-standalone/cpython-3.12.tar.gz`"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (["error: Distribution not found at: file:///tmp/shared"], "'../shared'"),
        (["error: No interpreter found for Python >=3.99 in managed"], "no Python of this machine"),
        ([INTERPRETER, *DNS], "no Python of this machine"),
        (["error: The lockfile at `uv.lock` needs to be updated, but"], "without '--locked'"),
        (["ModuleNotFoundError: No module named 'anyio'"], "'--frozen' takes a 'uv.lock'"),
        (DNS, "could not reach the network"),
        (["the requested Python version (>=3.10) does not satisfy Python>=3.11"], "3.11 or newer"),
    ],
)
def test_a_build_that_uv_explains_is_explained_in_the_words_of_nodes(
    output: list[str], words: str
) -> None:
    advice = build_advice(output)
    assert advice is not None
    assert words in advice


def test_nothing_is_made_up_about_other_builds() -> None:
    assert build_advice([]) is None
    assert build_advice(["ModuleNotFoundError: No module named 'cv2'"]) is None
    assert build_advice(["src/main.c:3: error: expected ';'", "make: *** [all] Error 1"]) is None


def test_where_a_line_is_broken_does_not_matter() -> None:
    whole = "Because the requested Python version (>=3.10) does not satisfy Python>=3.11, it fails"
    advice = build_advice([whole])
    assert advice is not None
    for at in range(len(whole)):
        if whole[at] == " ":
            assert build_advice([whole[:at], f"      │ {whole[at + 1 :]}"]) == advice
