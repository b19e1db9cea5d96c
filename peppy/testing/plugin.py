"""What pytest sees of `peppy.testing`: fixtures, a marker, seeds, and traces of what has failed.

Tests that are coroutine functions run here if they use a fixture of ours or our marker, and no
other plugin claims them. Nothing heavy is imported before a test asks for it: this module is loaded
wherever a node's bindings are installed.
"""

import os
import shlex
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from importlib.util import find_spec
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import pytest

from peppy.testing.forgotten_awaits import listening
from peppy.testing.present import PRESENT, PresentTest, Readable

SHOWN: Final = 40
"""Entries of each trace that a failing test's report shows: the last ones."""

WIDTH: Final = 120
"""Characters of their lines."""

OTHERS: Final = ("trio", "anyio", "asyncio")
"""Markers by which other plugins claim a test; their automatic modes set them as well."""

OURS: Final = frozenset({"boot", "peppy_seed"})
"""Fixtures by which a test is for us to run; what needs them counts as well."""

KNOWN: Final = ("loop", "seed", "real_time", "longest")
"""What the marker takes."""

FORGOTTEN_HINT: Final = (
    "'await' it, or close it; a test that is to bear it says"
    " @pytest.mark.filterwarnings('ignore:coroutine .* was never awaited')"
)

_TEST: Final = pytest.StashKey[PresentTest]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be said on the command line and in the configuration."""
    group = parser.getgroup("peppy")
    group.addoption(
        "--peppy-seed", type=int, default=0, metavar="N", help="the seed of each test; 0 by default"
    )
    group.addoption(
        "--peppy-seeds",
        type=int,
        default=1,
        metavar="N",
        help="run each test that uses the fixture 'seed' with so many seeds",
    )
    group.addoption(
        "--peppy-trace",
        type=Path,
        default=None,
        metavar="DIR",
        help="write the traces of failing tests to this directory",
    )
    parser.addini(
        "peppy_loop", "the loop of tests that use peppy: asyncio or trio", default="asyncio"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line(
        "markers",
        "peppy(loop, seed, real_time, longest): run this async test on `asyncio` or `trio`, with a "
        "seed of its own, in virtual time unless real_time is True, which may take `longest` "
        "seconds (3600).",
    )


# Seeds.


@pytest.fixture
def peppy_seed(request: pytest.FixtureRequest) -> Generator[int, None, None]:
    """Return the seed of this test, whatever else is called `seed`."""
    from peppy.testing.seeding import seeded

    test = _present(request.node)
    test.seed_taken = True
    # Also for tests that others run: pytest-trio draws the order of tasks from the same source.
    with seeded(test.seed):
        yield test.seed


@pytest.fixture
def seed(peppy_seed: int) -> int:
    """Return the number that decides what is left to chance in this test."""
    return peppy_seed


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have tests that use the seed run with as many as were asked for."""
    count = _number(metafunc.config, "peppy_seeds")
    if count < 2 or "peppy_seed" not in metafunc.fixturenames or _told(metafunc.definition, "seed"):
        return
    first = _number(metafunc.config, "peppy_seed")
    seeds = range(first, first + count)
    metafunc.parametrize("peppy_seed", seeds, indirect=True, ids=[f"seed={n}" for n in seeds])


def _seed_of(item: pytest.Item) -> int:
    callspec: Any = getattr(item, "callspec", None)
    params: dict[str, Any] = {} if callspec is None else callspec.params
    default = _told(item, "seed", _number(item.config, "peppy_seed"))
    return int(params.get("peppy_seed", default))


def _number(config: pytest.Config, option: str) -> int:
    number: Any = config.getoption(option)
    return int(number)


def _told(node: Any, name: str, default: Any = None) -> Any:
    """Return what the nearest marker that says it says."""
    for marker in node.iter_markers("peppy"):
        if name in marker.kwargs:
            return marker.kwargs[name]
    return default


# Each test has a seed, and a list of the traces that are made in it.


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Have what the test makes know which test it is."""
    test = item.stash[_TEST] = PresentTest(_seed_of(item))
    token = PRESENT.set(test)
    try:
        return (yield)
    finally:
        PRESENT.reset(token)
        del item.stash[_TEST]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test of ours in which somebody has forgotten an `await`."""
    with listening() as forgotten:
        try:
            returned = yield
        except BaseException as error:
            for sentence in forgotten.sentences:
                error.add_note(f"besides: {sentence}")
            raise
        test = item.stash.get(_TEST, None)
        if not (_is_ours(item) or (test is not None and test.traces)):
            return returned
        forgotten.collect()
    if forgotten.sentences:
        _refuse("; ".join(forgotten.sentences), FORGOTTEN_HINT)
    return returned


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of what has failed how to see it again, and what was seen."""
    report = yield
    test = item.stash.get(_TEST, None)
    if report.failed and test is not None:
        if test.seed_taken:
            report.sections.append(("peppy seed", _replay(item, test.seed)))
        for number, trace in enumerate(test.traces, 1):
            name = "peppy trace" if len(test.traces) == 1 else f"peppy trace {number}"
            report.sections.append((name, _shown(item, trace, number)))
    return report


def _replay(item: pytest.Item, seed: int) -> str:
    """Return the command that runs this test with this seed."""
    said = f"seed={seed}"
    test = item.nodeid
    for part in (f"[{said}]", f"{said}-", f"-{said}"):
        test = test.replace(part, "")
    _, separator, inside = test.partition("::")
    file = os.path.relpath(item.path, item.config.invocation_params.dir)
    where = shlex.quote(f"{file}{separator}{inside}")
    return f"seed {seed}; again with: pytest {where} --peppy-seed {seed}"


def _shown(item: pytest.Item, trace: Readable, number: int) -> str:
    shown = trace.text(last=SHOWN, width=WIDTH)
    if (directory := item.config.getoption("peppy_trace")) is None:
        return f"{shown}all of it is written with: pytest --peppy-trace DIR"
    directory.mkdir(parents=True, exist_ok=True)
    name = "".join(c if c.isalnum() or c in "-_.=" else "_" for c in item.nodeid)
    file = directory / f"{name}{'' if number == 1 else f'-{number}'}"
    trace.write(f"{file}.txt")
    trace.write(f"{file}.jsonl")
    return f"{shown}all of it: {file}.txt and {file}.jsonl"


# Coroutine functions.


def _is_ours(item: pytest.Item) -> bool:
    """Return whether a test is for us to run, should it be a coroutine function."""
    names: list[str] = getattr(item, "fixturenames", [])
    if "anyio_backend" in names or any(item.get_closest_marker(name) for name in OTHERS):
        return False
    return item.get_closest_marker("peppy") is not None or not OURS.isdisjoint(names)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test of ours that is a coroutine function; leave all others alone."""
    test = pyfuncitem.obj
    inner = getattr(getattr(test, "hypothesis", None), "inner_test", None)
    if not _is_ours(pyfuncitem) or not iscoroutinefunction(inner or test):
        return None
    run = _runner(pyfuncitem)
    if inner is not None:

        def example(**arguments: Any) -> None:
            run(inner, arguments)

        test.hypothesis.inner_test = example
        try:
            test(**_arguments(pyfuncitem))
        finally:
            test.hypothesis.inner_test = inner
    else:
        run(test, _arguments(pyfuncitem))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest
) -> object | None:
    """Put off the fixtures of our tests that need the loop until it runs."""
    item = request.node
    if request.scope != "function" or not isinstance(item, pytest.Function) or not _is_ours(item):
        return None
    function = fixturedef.func
    arguments = {name: request.getfixturevalue(name) for name in fixturedef.argnames}
    from peppy.testing.case import PendingFixture, needs_loop

    if not needs_loop(function, arguments):
        return None
    pending = PendingFixture(_bound(function, request), arguments)
    fixturedef.cached_result = (pending, fixturedef.cache_key(cast("Any", request)), None)
    return pending


def _bound(function: Callable[..., Any], request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return a fixture's function as a method of the test's own instance, if it is a method."""
    owner: object = getattr(function, "__self__", None)
    if request.instance is None or type(owner) is not type(request.instance):
        return function
    method: Callable[..., Any] = cast("Any", function).__func__.__get__(request.instance)
    return method


def _arguments(item: pytest.Function) -> dict[str, Any]:
    names: tuple[str, ...] = cast("Any", item)._fixtureinfo.argnames
    return {name: item.funcargs[name] for name in names}


def _runner(item: pytest.Function) -> Callable[[Any, Mapping[str, Any]], None]:
    from peppy.testing.case import LONGEST, LOOPS, Case
    from peppy.testing.virtual_time import Hanging

    for marker in item.iter_markers("peppy"):
        for name in marker.kwargs:
            if name not in KNOWN:
                _refuse(
                    f"the marker 'peppy' does not take '{name}'", f"it takes {', '.join(KNOWN)}"
                )
        if marker.args:
            _refuse("the marker 'peppy' takes names", 'as in: @pytest.mark.peppy(loop="trio")')
    loop = _told(item, "loop", item.config.getini("peppy_loop"))
    if loop not in LOOPS:
        _refuse(f"there is no loop '{loop}'", f"there are {' and '.join(LOOPS)}")
    if loop == "trio" and find_spec("trio") is None:
        said = "the test is marked so"
        if _told(item, "loop") is None:
            said = f"'peppy_loop' says so in {item.config.inipath}"
        _refuse(
            "the test is to run on Trio, and this environment has no 'trio'",
            f"{said}; a node on asyncio says 'peppy_loop = \"asyncio\"' in its own pyproject.toml",
        )
    real_time, longest = _told(item, "real_time", False), _told(item, "longest", LONGEST)
    case = Case(loop, _present(item).seed, real_time=real_time, longest=longest)

    def run(test: Any, arguments: Mapping[str, Any]) -> None:
        try:
            case.run(test, arguments)
        except Hanging as hanging:
            # It has come from the loop, and says itself where the test is.
            _fail(str(hanging))

    return run


def _present(item: pytest.Item) -> PresentTest:
    return item.stash[_TEST]


def _refuse(sentence: str, hint: str) -> NoReturn:
    _fail(f"{sentence}\n  {hint}")


def _fail(text: str) -> NoReturn:
    """Fail with this text and nothing else, also where it stands for another exception."""
    raise pytest.fail.Exception(text, pytrace=False) from None


# Nodes.


@pytest.fixture
def boot() -> Any:
    """Return the `Boot` of this project: `boot(setup, Parameters(...))` is its node, in a test."""
    name = "peppygen.testing"
    try:
        testing = import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in {"peppygen", name}:
            raise
        _refuse(
            "this environment has no 'peppygen.testing', which is generated from 'peppy.json5'",
            "run 'peppy node sync', then pytest in the node's own environment: 'uv run pytest'",
        )
    return testing.Boot()
