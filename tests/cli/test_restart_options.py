"""What is typed about restarts, and what reaches the daemon of it."""

from pathlib import Path

import pytest

from peppy.cli.run import run
from peppy.schema.control import RunNode
from peppy.schema.restart import RestartMode, RestartPolicy
from tests.cli.fake_daemon import FakeDaemon
from tests.cli.sample_views import HELLO, STARTED


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        ([], RestartPolicy()),
        (["--restart", "never"], RestartPolicy()),
        (["--restart", "always"], RestartPolicy(mode=RestartMode.ALWAYS)),
        (
            [
                *("--restart", "on_failure", "--restart-limit", "3"),
                *("--restart-window", "90.5", "--restart-if-hung", "20"),
            ],
            RestartPolicy(mode=RestartMode.ON_FAILURE, limit=3, window=90.5, hung_after=20.0),
        ),
    ],
)
def test_the_policy_that_is_typed_reaches_the_daemon(
    words: list[str], policy: RestartPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEPPY_HOME", str(tmp_path))
    with FakeDaemon(tmp_path, lambda _: [STARTED]) as daemon:
        assert run(["node", "run", str(HELLO), "name=you", *words]) == 0
    (request,) = daemon.requests
    assert isinstance(request, RunNode)
    assert (request.restart, request.arguments) == (policy, ("name=you",))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--restart", "sometimes"], "invalid value 'sometimes' for --restart"),
        (["--restart", "always", "--restart-limit", "0"], "'--restart-limit' takes a whole"),
        (["--restart", "always", "--restart-window", "0"], "'--restart-window' takes a positive"),
        (["--restart", "always", "--restart-window", "inf"], "'--restart-window' takes a positive"),
        (["--restart", "always", "--restart-if-hung", "-1"], "'--restart-if-hung' takes a"),
        (["--restart-limit", "3"], "what follows '--restart-' needs '--restart'"),
        (["--restart", "never", "--restart-if-hung", "9"], "needs '--restart'"),
    ],
)
def test_what_makes_no_policy_is_refused_before_anything_is_asked(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["node", "run", str(HELLO), *words]) == 2
    assert sentence in capsys.readouterr().err
