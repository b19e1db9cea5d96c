"""What pytest makes of tests that use `peppy.testing`: each runs a small file of them."""

import ast
import inspect
import json
import tomllib
from pathlib import Path

import pytest

from peppy.testing import plugin, virtual_time
from peppy.testing.case import LONGEST

pytest_plugins = ["pytester"]

ALONE = ("-p", "no:trio", "-p", "no:anyio")
"""Without any other plugin for tests that are coroutine functions."""


def run(pytester: pytest.Pytester, source: str, *options: str, ini: str = "") -> pytest.RunResult:
    """Run a file of tests in this process."""
    warnings = "\n  error\n  ignore:Module already imported"  # by the run that this one is part of
    pytester.makeini(f"[pytest]\nfilterwarnings = {warnings}\n{ini}\n")
    pytester.makepyfile(test_it=f"import asyncio, pytest, trio\n{inspect.cleandoc(source)}")
    # Not by way of its entry point, which this environment may lack, but in any case once.
    quick = ("-p", "no:peppy", "-p", "no:cacheprovider", "-p", "no:xdist")
    return pytester.runpytest_inprocess(*quick, *options, plugins=(plugin,))


def said(result: pytest.RunResult) -> str:
    return result.stdout.str()


def test_a_marked_test_runs_on_asyncio_in_virtual_time(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.mark.peppy(longest=86400)
        async def test_a_day_passes():
            loop = asyncio.get_running_loop()
            before = loop.time()
            await asyncio.sleep(86400)
            assert loop.time() - before == 86400
    """
    run(pytester, source, *ALONE).assert_outcomes(passed=1)


def test_the_marker_and_the_configuration_name_the_loop(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.mark.peppy(loop="trio")
        class TestOnTrio:
            async def test_as_its_class_says(self):
                await trio.sleep(3600)

            @pytest.mark.peppy(loop="asyncio")
            async def test_as_it_says_itself(self):
                await asyncio.sleep(3600)

        async def test_as_the_configuration_says(seed):
            await trio.sleep(3600)
    """
    run(pytester, source, *ALONE, ini="peppy_loop = trio").assert_outcomes(passed=3)


def test_time_is_real_where_the_marker_says_so(pytester: pytest.Pytester) -> None:
    source = """
        import time

        @pytest.mark.peppy(real_time=True)
        async def test_real():
            before = time.monotonic()
            await asyncio.sleep(0.02)
            assert time.monotonic() - before >= 0.02

        @pytest.mark.peppy(real_time=True, loop="trio")
        async def test_real_on_trio():
            before = time.monotonic()
            await trio.sleep(0.02)
            assert time.monotonic() - before >= 0.02
    """
    run(pytester, source, *ALONE).assert_outcomes(passed=2)


def test_a_marker_that_says_something_else_is_refused(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.mark.peppy(lop="trio")
        async def test_misspelt(): ...

        @pytest.mark.peppy(loop="curio")
        async def test_elsewhere(): ...
    """
    result = run(pytester, source, *ALONE)
    result.assert_outcomes(failed=2)
    assert "the marker 'peppy' does not take 'lop'" in said(result)
    assert "there is no loop 'curio'" in said(result)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_fixtures_that_need_the_loop_live_on_the_loop_of_their_test(
    pytester: pytest.Pytester, loop: str
) -> None:
    source = """
        import anyio
        order = []

        class Base:
            word = "base"

            @pytest.fixture
            async def told(self):
                self.heard = self.word
                return self.word

        @pytest.fixture
        async def group():
            async with anyio.create_task_group() as tasks:
                order.append("up")
                yield tasks
                tasks.cancel_scope.cancel()
            order.append("down")

        @pytest.fixture
        def sleeper(group):
            group.start_soon(anyio.sleep_forever)
            order.append("asleep")
            yield group
            order.append("awake")

        class TestIt(Base):
            word = "heir"

            async def test_order(self, seed, sleeper, group, told):
                assert sleeper is group
                assert told == self.heard == "heir"
                assert order == ["up", "asleep"]

        def test_afterwards():
            assert order == ["up", "asleep", "awake", "down"]
    """
    run(pytester, source, *ALONE, ini=f"peppy_loop = {loop}").assert_outcomes(passed=2)


def test_what_others_claim_is_theirs(pytester: pytest.Pytester) -> None:
    source = """
        import time

        @pytest.mark.trio
        async def test_of_trio(seed, autojump_clock):
            assert trio.current_time() == autojump_clock.current_time()
            await trio.sleep(3600)

        @pytest.fixture
        async def tempo(seed):
            return 3

        @pytest.mark.trio
        async def test_of_trio_with_a_fixture(tempo):
            assert tempo == 3

        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_of_anyio(seed, anyio_backend, tempo):
            assert tempo == 3
            assert asyncio.get_running_loop().time() == pytest.approx(time.monotonic(), abs=60)
    """
    run(pytester, source).assert_outcomes(passed=3)


def test_in_trio_mode_our_fixtures_serve_tests_that_pytest_trio_runs(
    pytester: pytest.Pytester,
) -> None:
    source = """
        async def test_of_trio(seed, nursery):
            assert seed == 5
            nursery.start_soon(trio.sleep_forever)
    """
    run(pytester, source, "--peppy-seed", "5", ini="trio_mode = true").assert_outcomes(passed=1)


def test_an_async_test_that_uses_nothing_of_ours_is_none_of_ours(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, "async def test_of_nobody(): ...", *ALONE)
    result.assert_outcomes(failed=1)
    assert "not natively supported" in said(result)


DRAWS = """import random
        from peppy.testing.seeding import seeded

        with seeded(3):
            first = random.random()
"""


@pytest.mark.parametrize("ini", ["peppy_loop = trio", "trio_mode = true"])
def test_the_seed_decides_what_is_left_to_chance(pytester: pytest.Pytester, ini: str) -> None:
    source = f"""
        {DRAWS}
        async def test_with_the_fixture(seed):
            assert random.random() == first
    """
    run(pytester, source, "--peppy-seed", "3", ini=ini).assert_outcomes(passed=1)


def test_it_does_so_as_well_for_a_test_that_does_not_ask_for_it(pytester: pytest.Pytester) -> None:
    source = f"""
        {DRAWS}
        @pytest.mark.peppy(seed=3)
        async def test_with_the_marker():
            assert random.random() == first
    """
    run(pytester, source, *ALONE).assert_outcomes(passed=1)


FAILS_WITH_TWO = """
    async def test_seeded(seed, speed=1):
        assert seed != 2

    @pytest.mark.peppy(seed=7)
    async def test_with_its_own(seed):
        assert seed == 7
"""


def test_a_test_runs_with_as_many_seeds_as_asked_for(pytester: pytest.Pytester) -> None:
    result = run(pytester, FAILS_WITH_TWO, *ALONE, "--peppy-seeds", "4")
    result.assert_outcomes(passed=4, failed=1)
    replay = "seed 2; again with: pytest test_it.py::test_seeded --peppy-seed 2"
    assert replay in said(result)
    assert "-- peppy trace --" not in said(result)


def test_the_seed_that_failed_fails_again(pytester: pytest.Pytester) -> None:
    run(pytester, FAILS_WITH_TWO, *ALONE, "--peppy-seed", "2").assert_outcomes(passed=1, failed=1)


def test_the_way_to_replay_keeps_what_else_a_test_is_called_with(
    pytester: pytest.Pytester,
) -> None:
    source = """
        @pytest.mark.parametrize("arm", ["left", "right"])
        def test_arms(seed, arm):
            assert (seed, arm) != (1, "right")
    """
    result = run(pytester, source, *ALONE, "--peppy-seeds", "2")
    result.assert_outcomes(passed=3, failed=1)
    assert "pytest 'test_it.py::test_arms[right]' --peppy-seed 1" in said(result)


TRACED = """
    from peppy.testing.sentences import message
    from peppy.testing.trace import Kind, Trace

    @pytest.mark.parametrize("moves", [True, False])
    def test_the_arm(moves):
        trace = Trace(lambda: 1.5)
        for number in range(50):
            trace.add(Kind.MESSAGE, "the_arm", "joint_states", {"number": number})
        assert moves
"""


def test_a_failing_test_shows_how_its_trace_ends(pytester: pytest.Pytester) -> None:
    result = run(pytester, TRACED, *ALONE)
    result.assert_outcomes(passed=1, failed=1)
    lines = [line for line in result.outlines if "joint_states" in line and "0.000 s" in line]
    assert len(lines) == plugin.SHOWN
    assert lines[-1].endswith("the_arm  {number: 49}")
    assert "  ... 10 earlier" in result.outlines


def test_traces_of_failing_tests_are_written_where_asked(pytester: pytest.Pytester) -> None:
    result = run(pytester, TRACED, *ALONE, "--peppy-trace", "traces")
    names = sorted(file.name for file in (pytester.path / "traces").iterdir())
    assert names == ["test_it.py__test_the_arm_False_.jsonl", "test_it.py__test_the_arm_False_.txt"]
    entries = (pytester.path / "traces" / names[0]).read_text().splitlines()
    assert len(entries) == 50
    assert json.loads(entries[0])["what"] == {"number": 0}
    assert names[1] in said(result)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_test_that_waits_for_what_never_comes_fails_and_says_where(
    pytester: pytest.Pytester, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(virtual_time, "HANGING", 0.01)
    source = """
        import anyio

        async def test_hanging(seed):
            await anyio.Event().wait()  # for ever
    """
    result = run(pytester, source, *ALONE, ini=f"peppy_loop = {loop}")
    result.assert_outcomes(failed=1)
    assert "nothing will ever happen" in said(result)
    assert "await anyio.Event().wait()  # for ever" in said(result)
    assert "During handling" not in said(result)


@pytest.mark.parametrize("loop", ["asyncio", "trio"])
def test_a_test_that_something_keeps_going_for_ever_fails_and_says_where_it_waits(
    pytester: pytest.Pytester, loop: str
) -> None:
    source = """
        import anyio

        async def tick():
            while True:
                await anyio.sleep(10)

        async def test_ticking(seed):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(tick)
                await anyio.Event().wait()  # for ever
    """
    result = run(pytester, source, *ALONE, ini=f"peppy_loop = {loop}")
    result.assert_outcomes(failed=1)
    assert f"it is not over after {LONGEST:g} s of virtual time" in said(result)
    assert "await anyio.Event().wait()  # for ever" in said(result)


def test_a_failure_inside_a_nursery_is_shown_as_itself(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.mark.peppy(loop="trio")
        async def test_failing():
            async with trio.open_nursery():
                assert 1 + 1 == 3

        @pytest.mark.peppy(loop="trio")
        async def test_skipped():
            async with trio.open_nursery():
                pytest.skip("not today")
    """
    result = run(pytester, source, *ALONE)
    result.assert_outcomes(failed=1, skipped=1)
    assert "E           assert (1 + 1) == 3" in result.outlines
    assert "ExceptionGroup" not in said(result)


def test_each_example_of_a_property_has_a_loop_of_its_own(pytester: pytest.Pytester) -> None:
    source = """
        from hypothesis import given, settings, strategies
        loops = set()

        @pytest.mark.peppy
        @settings(max_examples=5, database=None)
        @given(strategies.integers())
        async def test_property(number):
            loops.add(asyncio.get_running_loop())

        def test_afterwards():
            assert len(loops) == 5
    """
    run(pytester, source, *ALONE).assert_outcomes(passed=2)


def test_boot_is_what_the_bindings_of_this_project_make(pytester: pytest.Pytester) -> None:
    package = pytester.mkpydir("peppygen")
    (package / "testing.py").write_text("class Boot:\n    def __call__(self):\n        return 42\n")
    source = """
        async def test_booting(boot):
            assert boot() == 42
    """
    run(pytester, source, *ALONE).assert_outcomes(passed=1)


def test_boot_without_bindings_says_how_to_make_them(pytester: pytest.Pytester) -> None:
    result = run(pytester, "async def test_booting(boot): ...", *ALONE)
    result.assert_outcomes(errors=1)
    assert "run 'peppy node sync'" in said(result)
    assert "ModuleNotFoundError" not in said(result)
    assert "During handling" not in said(result)


def test_a_test_on_trio_without_trio_is_told_who_wants_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin, "find_spec", {"trio": None}.get)
    source = """
        async def test_as_configured(seed): ...

        @pytest.mark.peppy(loop="trio")
        async def test_as_marked(): ...
    """
    result = run(pytester, source, *ALONE, ini="peppy_loop = trio")
    result.assert_outcomes(failed=2)
    assert "this environment has no 'trio'" in said(result)
    assert f"'peppy_loop' says so in {pytester.path / 'tox.ini'}" in said(result)
    assert "the test is marked so" in said(result)


def test_pytest_finds_the_plugin_by_its_entry_point() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["pytest11"] == {"peppy": plugin.__name__}


def test_the_plugin_loads_nothing_heavy_before_it_is_used() -> None:
    tree = ast.parse(Path(plugin.__file__).read_text())
    loaded = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert [name for name in loaded if name and "peppy" in name] == [
        "peppy.testing.forgotten_awaits",
        "peppy.testing.present",
    ]
    assert {a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names} == {
        "os",
        "shlex",
        "pytest",
    }
