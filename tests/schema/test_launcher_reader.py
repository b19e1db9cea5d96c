"""Launch files: what is read, and one test for each rule that a file can break."""

import contextlib
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peppy.schema.errors import DocumentError, PeppyError
from peppy.schema.launcher import Deployment, LaunchedInstance, Launcher, Place
from peppy.schema.launcher_reader import looks_like_launcher, read_launcher
from peppy.schema.names import InstanceId, Name, Tag
from peppy.schema.restart import RestartMode, RestartPolicy
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Source,
    VariantChoice,
    VariantName,
    Wanted,
)

DIGEST = "0123456789abcdef" * 4

ROBOT = """// two cameras and a brain
{
  peppy_schema: "launcher_v1",
  framework: { use_sim_time: true },
  deployments: [
    {
      source: { local: "../camera" },
      instances: [
        { instance_id: "front", arguments: { video: { width: 640 }, device: "/dev/video0" } },
        { instance_id: "rear", env_vars: { LEVEL: "debug", EMPTY: "" }, restart: "on_failure" },
      ],
    },
    {
      source: { name: "brain", tag: "v1", variant: { name: "mock" } },
      instances: [{ bindings: { eye: "front" }, restart: { mode: "always", limit: 3, window: 60,
        if_hung: 10.5 } }],
    },
  ],
}"""


def read(text: str) -> Launcher:
    return read_launcher(text.encode(), "robot.json5", "/robots/one")


def problems(text: str) -> list[tuple[int, int, str, str]]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    assert caught.value.source == "robot.json5"
    return [(p.line, p.column, p.path, p.what) for p in caught.value.problems]


def of_source(text: str) -> list[tuple[str, str]]:
    found = problems("{deployments: [{source: {<text>}, instances: [{}]}]}".replace("<text>", text))
    return [(path.removeprefix("deployments[0].source"), what) for _, _, path, what in found]


def of_instance(text: str) -> list[tuple[str, str]]:
    found = problems(
        "{deployments: [{source: {local: '/a'}, instances: [{<text>}]}]}".replace("<text>", text)
    )
    return [(path.removeprefix("deployments[0].instances[0]"), what) for _, _, path, what in found]


def wanted(text: str) -> Wanted:
    whole = read("{deployments: [{source: {<text>}, instances: [{}]}]}".replace("<text>", text))
    return whole.deployments[0].wanted


def test_a_whole_launch_file_is_read() -> None:
    assert read(ROBOT) == Launcher(
        source="robot.json5",
        sha256=hashlib.sha256(ROBOT.encode()).hexdigest(),
        use_sim_time=True,
        deployments=(
            Deployment(
                wanted=Wanted(source=LocalSource("/robots/camera")),
                place=Place(6, 5, "deployments[0]"),
                instances=(
                    LaunchedInstance(
                        instance_id=InstanceId("front"),
                        arguments={"video": {"width": 640}, "device": "/dev/video0"},
                        place=Place(9, 9, "deployments[0].instances[0]"),
                    ),
                    LaunchedInstance(
                        instance_id=InstanceId("rear"),
                        env_vars={"LEVEL": "debug", "EMPTY": ""},
                        restart=RestartPolicy(mode=RestartMode.ON_FAILURE),
                        place=Place(10, 9, "deployments[0].instances[1]"),
                    ),
                ),
            ),
            Deployment(
                wanted=Wanted(
                    source=NamedSource(Name("brain"), Tag("v1")),
                    variant=VariantName(Name("mock")),
                ),
                place=Place(13, 5, "deployments[1]"),
                instances=(
                    LaunchedInstance(
                        bindings={"eye": InstanceId("front")},
                        restart=RestartPolicy(
                            mode=RestartMode.ALWAYS, limit=3, window=60.0, hung_after=10.5
                        ),
                        place=Place(15, 19, "deployments[1].instances[0]"),
                    ),
                ),
            ),
        ),
    )


def test_a_launch_file_of_the_older_generation_has_deployments_only() -> None:
    launcher = read("{deployments: [{source: {local: 'a'}, instances: [{}]}]}")
    assert launcher.deployments[0].wanted.source == LocalSource("/robots/one/a")
    assert not launcher.use_sim_time


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("local: '/a/../b'", LocalSource("/b")),
        ("local: '.'", LocalSource("/robots/one")),
        ("local: './x:y@z'", LocalSource("/robots/one/x:y@z")),
        (
            "repo: 'https://h/a.git', path: './b/', ref: 'main'",
            GitSource("https://h/a.git", "b", "main"),
        ),
        (
            "repo: 'https://h/a', path: '.', ref: 'feature/x'",
            GitSource("https://h/a", "", "feature/x"),
        ),
        (
            f"url: 'https://h/a.tzst', sha256: '{DIGEST.upper()}'",
            ArchiveSource("https://h/a.tzst", DIGEST),
        ),
        ("name: 'a', tag: '0.1.0'", NamedSource(Name("a"), Tag("0.1.0"))),
        ("name: 'a:v1'", NamedSource(Name("a"), Tag("v1"))),
    ],
)
def test_each_kind_of_source_is_read(text: str, source: Source) -> None:
    assert wanted(text) == Wanted(source=source)


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("name: 'mock'", VariantName(Name("mock"))),
        ("local: './mock'", LocalSource("/robots/one/mock")),
        ("repo: 'https://h/a.git'", GitSource("https://h/a.git", "", "")),
        (
            "repo: 'https://h/a.git', path: 'b', ref: 'v1'",
            GitSource("https://h/a.git", "b", "v1"),
        ),
        ("url: 'https://h/a.tzst'", ArchiveSource("https://h/a.tzst", "")),
        (
            f"url: 'https://h/a.tzst', sha256: '{DIGEST}'",
            ArchiveSource("https://h/a.tzst", DIGEST),
        ),
    ],
)
@pytest.mark.parametrize(
    "source",
    [
        "local: 'a'",
        "repo: 'git@h:a.git', path: 'b', ref: 'c'",
        f"url: 'https://h/a.tzst', sha256: '{DIGEST}'",
        "name: 'a', tag: 'b'",
    ],
)
def test_each_kind_of_variant_is_read_beside_each_kind_of_source(
    source: str, text: str, variant: VariantChoice
) -> None:
    assert wanted(f"{source}, variant: {{{text}}}").variant == variant


def test_all_problems_come_at_once_in_the_order_of_their_places() -> None:
    text = """{
  deploymens: [],
  deployments: [
    { source: { url: "https://h/a.tzst" }, instances: [] },
    { instances: [{ instance_id: "a b", parameters: {} }] },
  ],
}"""
    assert problems(text) == [
        (2, 3, "deploymens", "'deploymens' is not known here; did you mean 'deployments'?"),
        (4, 7, "deployments[0].source", "'sha256' is missing"),
        (4, 55, "deployments[0].instances", "is empty: a deployment has at least one instance"),
        (5, 5, "deployments[1]", "'source' is missing"),
        (
            5,
            34,
            "deployments[1].instances[0].instance_id",
            "'a b' is not a name: use ASCII letters, digits, '_' and '-', up to 128 of them",
        ),
        (
            5,
            41,
            "deployments[1].instances[0].parameters",
            "is called 'arguments' in a launch file",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("[]", "", "must be an object, not a list"),
        ("{}", "", "'deployments' is missing"),
        ("{deployments: []}", "deployments", "is empty: a launch file names at least one node"),
        ("{deployments: {}}", "deployments", "must be a list, not an object"),
        ("{deployments: [1]}", "deployments[0]", "must be an object, not a whole number"),
        (
            "{peppy_schema: 'launcher_v2', deployments: [A]}",
            "peppy_schema",
            "'launcher_v2' is not the schema of a launch file, which is 'launcher_v1'",
        ),
        ("{peppy_schema: 1, deployments: [A]}", "peppy_schema", "must be 'launcher_v1', not"),
        ("{schema_version: 1, deployments: [A]}", "schema_version", "'schema_version' is from an"),
        ("{framework: {use_sim_time: 1}, deployments: [A]}", "framework.use_sim_time", "must be"),
        ("{framework: {sim: true}, deployments: [A]}", "framework.sim", "'sim' is not known"),
        (
            "{deployments: [{source: {local: 'a'}, variant: {name: 'b'}, instances: [{}]}]}",
            "deployments[0].variant",
            "stands in 'source', not beside it",
        ),
        (
            "{deployments: [A,\n B, A]}",
            "deployments[2].source",
            "is the same node as in line 1: put all of its instances there",
        ),
        (
            "{deployments: [A,\n {source: {local: './a', variant: {name: 'b'}}, instances: [{}]}]}",
            "deployments[1].source",
            "is the same node as in line 1: a node has one variant at a time",
        ),
        (
            "{deployments: [{source: {local: 'a'}, instances: [{instance_id: 'x'}]}, "
            "{source: {local: 'b'}, instances: [{instance_id: 'x'}]}]}",
            "deployments[1].instances[0].instance_id",
            "the instance id 'x' stands here a second time",
        ),
        (
            "{deployments: [{source: {local: 'a'}, instances: [{instance_id: 'front'}]}, "
            "{source: {local: 'b'}, instances: [{bindings: {eye: 'frnt'}}]}]}",
            "deployments[1].instances[0].bindings.eye",
            "no instance 'frnt' stands in this file; did you mean 'front'?",
        ),
    ],
)
def test_a_wrong_launch_file_is_a_problem(text: str, path: str, what: str) -> None:
    for name, directory in (("A", "a"), ("B", "b")):
        text = text.replace(name, f"{{source: {{local: '{directory}'}}, instances: [{{}}]}}")
    ((_, _, found, sentence),) = problems(text)
    assert found == path
    assert sentence.startswith(what)


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("", "", "is not a source: write { local }, { repo, path, ref }, { url, sha256 } or"),
        ("local: 'a', name: 'b'", "", "mixes 'local' and 'name'"),
        ("local: ''", ".local", "is empty"),
        ("local: '~'", ".local", "'~': no shell reads this"),
        ("local: '~/camera'", ".local", "'~/camera': no shell reads this"),
        ("local: 'https://h/a.git'", ".local", "is an address: write { repo, path, ref }"),
        ("repo: 'https://h/a.git', ref: 'main'", "", "'path' is missing"),
        ("repo: 'https://h/a.git', path: 'b'", "", "'ref' is missing"),
        ("repo: '../a.git', path: 'b', ref: 'c'", ".repo", "'../a.git' is not the address"),
        ("repo: 'https://h/a.git', path: '..', ref: 'c'", ".path", "'..' may not leave"),
        ("repo: 'https://h/a.git', path: 'b', ref: '-c'", ".ref", "'-c' may not begin with '-'"),
        ("url: 'https://h/a.tzst'", "", "'sha256' is missing"),
        (f"url: 'https://h/a.zip', sha256: '{DIGEST}'", ".url", "'https://h/a.zip' must end in"),
        ("url: 'https://h/a.tzst', sha256: 'ab'", ".sha256", "'ab' is not a SHA-256"),
        (
            f"url: 'https://h/a.tzst', path: 'b', sha256: '{DIGEST}'",
            ".path",
            "'path' is not known here",
        ),
        ("name: 'a'", "", "'tag' is missing"),
        ("name: 5, tag: 'b'", ".name", "must be a string, not a whole number"),
        ("name: 'a:'", ".name", "is empty"),
        ("name: 'a b:v1'", ".name", "'a b' is not a name"),
        ("name: 'a:.1'", ".name", "'.1' is not a tag"),
        ("name: 'a:v1', tag: 'v1'", ".tag", "the tag stands in 'name' already"),
        ("local: 'a', ref: 'main'", ".ref", "'ref' is not known here"),
        (
            "local: 'a', tag: '0.2.0'",
            ".tag",
            "does not stand here: a node's own document has its tag",
        ),
        ("local: 'a', variant: 'mock'", ".variant", "must be an object, not a string"),
        ("local: 'a', variant: {}", ".variant", "is not a source: write { name }, { local }"),
        ("local: 'a', variant: {name: 'a b'}", ".variant.name", "'a b' is not a name"),
        ("local: 'a', variant: {name: 'a', tag: 'v1'}", ".variant.tag", "'tag' is not known"),
        ("local: 'a', variant: {name: 'a', variant: {}}", ".variant.variant", "'variant' is not"),
        ("local: 'a', variant: {repo: 'ext::x'}", ".variant.repo", "'ext::x' is not the address"),
    ],
)
def test_a_wrong_source_is_a_problem(text: str, path: str, what: str) -> None:
    ((found, sentence),) = of_source(text)
    assert found == path
    assert sentence.startswith(what)


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("instance_id: 1", ".instance_id", "must be a string, not a whole number"),
        ("id: 'a'", ".id", "'id' is not known here"),
        ("arguments: []", ".arguments", "must be an object, not a list"),
        ("env_vars: {A: 1}", ".env_vars.A", "must be a string, in quotes, not a whole number"),
        ("env_vars: {'': 'x'}", ".env_vars['']", "'' cannot be the name of an environment"),
        ("env_vars: {'A=B': 'x'}", ".env_vars['A=B']", "'A=B' cannot be the name"),
        ("env_vars: {A: 'x\\0'}", ".env_vars.A", "holds a NUL character"),
        ("restart: 'allways'", ".restart", "'allways' is not known here; did you mean 'always'?"),
        ("restart: true", ".restart", 'must be a mode such as "on_failure"'),
        ("restart: {limit: 3}", ".restart", "'mode' is missing"),
        ("restart: {mode: 'always', limit: 0}", ".restart.limit", "must be from 1 to"),
        ("restart: {mode: 'always', window: 0}", ".restart.window", "must be more than 0"),
        ("restart: {mode: 'always', if_hung: '1'}", ".restart.if_hung", "must be a number of"),
        ("restart: {mode: 'never', limit: 3}", ".restart", "has a mode that never restarts"),
        ("bindings: {a: 1}", ".bindings.a", "must be a string"),
    ],
)
def test_a_wrong_instance_is_a_problem(text: str, path: str, what: str) -> None:
    ((found, sentence),) = of_instance(text)
    assert found == path
    assert sentence.startswith(what)


def test_credentials_in_a_wrong_address_are_not_shown() -> None:
    ((_, sentence),) = of_source(
        f"url: 'https://me:hunter2@h/a.zip?sig=hunter2', sha256: '{DIGEST}'"
    )
    assert "'https://h/a.zip?…'" in sentence


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (ROBOT.encode(), True),
        (b"{deployments: 1}", True),
        (b"{'deployments': [", True),
        (b"{peppy_schema: 'launcher_v1', deployments", False),
        (b"{manifest: {name: 'a', tag: 'b'}}", False),
        (b"[{deployments: []}]", False),
        (b"// deployments: these\n{manifest: {}}", False),
        (b"{a: 'deployments'}", False),
        (b"\xff deployments", False),
        (b"", False),
        (b"{deployments: [" + b" " * 1024 * 1024 + b"]}", False),
    ],
)
def test_what_is_meant_as_a_launch_file_is_seen(text: bytes, is_one: bool) -> None:
    assert looks_like_launcher(text) is is_one


_SPLICES = st.tuples(
    st.integers(0, len(ROBOT)),
    st.integers(0, 40),
    st.sampled_from(["", "{", "}", "[", "]", "null", "1e9", "'x'", "-", "\\", "{a: {b: []}}", ","]),
)


@settings(max_examples=40)
@given(st.lists(_SPLICES, min_size=1, max_size=3))
def test_no_launch_file_is_more_than_refused(splices: list[tuple[int, int, str]]) -> None:
    text = ROBOT
    for at, length, put in splices:
        text = text[:at] + put + text[at + length :]
    looks_like_launcher(text.encode())
    with contextlib.suppress(PeppyError):
        read(text)
