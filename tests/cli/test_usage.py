import json

import pytest

from peppy.cli.run import run, wants_json, wants_list


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may reach a daemon, let alone start one."""
    monkeypatch.setenv("PEPPY_HOME", "/proc/peppy-test")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nod"], "there is no command 'nod'\n  did you mean 'node'?"),
        (["stack", "lst"], "there is no command 'lst'\n  did you mean 'list'?"),
        (["node", "add", "--snc", "."], "unknown option: --snc\n  did you mean --sync?"),
        (["node", "build"], "'peppy node build' needs NODE"),
        (["node", "build", "hello"], "'hello' is not a node\n  write NAME:TAG"),
        (["node", "run"], "'peppy node run' needs NODE"),
        (["node", "run", "--tag", "v1"], "'--node-name' and '--tag' stand together"),
        (["node", "run", "a:v1", "name"], "'name' is not an argument for a node"),
        (["node", "run", "a:v1", " =x"], "' =x' is not an argument for a node"),
        (["node", "run", "a:v1", "-i", "a b"], "'a b' is not an instance id"),
        (["node", "add", "name=planet"], "'name=planet' stands where the source directory"),
        (["node", "add", ".", "name=planet"], "'name=planet' is for an instance"),
        (["node", "init", "x", "--toolchain", "pip"], "invalid value 'pip' for --toolchain"),
        (["node", "build", "a:v1", "--idle-timeout", "0"], "takes a positive number of seconds"),
        (["node", "build", "a:v1", "--max-timeout", "nan"], "takes a positive number of seconds"),
        (["stack", "launch", "--wrong", "."], "unknown option: --wrong\n  'peppy stack launch"),
        (["stack", "launch", ""], "FILE is empty"),
        (["stack", "lock", ""], "FILE is empty"),
        (["node", "add", ""], "SOURCE is empty"),
        (["repo", "add", ""], "SOURCE is empty"),
        (["stack", "list", "a", "b"], "'peppy stack list' has no use for 'b'"),
    ],
)
def test_a_command_line_without_sense_is_a_sentence_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"Error: {said}" in err or said in err


def test_a_usage_error_is_json_where_json_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["node", "bild", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["kind"], error["hint"]) == ("usage", "did you mean 'build'?")


@pytest.mark.parametrize(
    ("words", "json"), [(["--json"], True), (["a", "--", "--json"], False), ([], False)]
)
def test_json_after_two_dashes_is_an_argument_and_no_option(words: list[str], json: bool) -> None:
    assert wants_json(words) is json


@pytest.mark.parametrize(
    ("words", "listed"),
    [([], True), (["node"], True), (["node", "add", "-h"], True), (["node", "add"], False)],
)
def test_verbs_are_imported_only_where_they_are_listed(words: list[str], listed: bool) -> None:
    assert wants_list(words) is listed


def test_help_lists_every_verb_with_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["node"]) == 0
    out = capsys.readouterr().out
    assert "build: Run a node's build_cmd and keep what it makes." in out
    assert "create" not in out


@pytest.mark.parametrize(
    "verb",
    ["init", "sync", "add", "build", "run", "stop", "remove", "info"],
)
def test_the_help_of_a_verb_has_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["node", verb, "--help"]) == 0
    assert f"peppy node {verb}" in capsys.readouterr().out.partition("Example")[2]


def test_a_help_page_fills_its_lines_and_has_examples_below_one_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["stack", "launch", "--help"]) == 0
    page = capsys.readouterr().out.splitlines()
    assert "says what was kept; a second one leaves at once." in page
    assert "Examples: peppy stack launch ./robot/peppy_launcher.json5" in page
    assert "          peppy stack launch robot --dry-run" in page
