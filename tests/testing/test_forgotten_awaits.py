"""A test of ours fails when somebody in it has forgotten an `await`; all others do as ever."""

import inspect
from importlib import import_module
from typing import Final

import pytest

from peppy.testing import plugin

pytest_plugins = ["pytester"]

# What this run makes errors of, the ones inside of it would make errors of as well.
pytestmark = pytest.mark.filterwarnings("default")

SETUP: Final = """
    import asyncio, gc, sys, warnings, pytest
    from tests.testing.one_node import Rover

    async def halt(): ...

    class Held:
        def __init__(self):
            self.myself, self.coroutine = self, halt()

    def setup(params, runner):
        halt()

    def late_setup(params, runner):
        Held()

    @pytest.fixture
    def uncollected():
        gc.disable()
        yield
        gc.enable()
"""

FORGETFUL: Final = """
    @pytest.mark.peppy
    async def test_it():
        async with Rover(setup):
            await asyncio.sleep(1)
"""

ERROR: Final = "error"
"""The filter of a careful project."""

# What a run in this process imports first is forgotten after it; some cannot be imported twice.
import_module("tests.testing.one_node")
import_module("tests.testing.stack.lamps")


def run(pytester: pytest.Pytester, source: str, filters: str = "") -> pytest.RunResult:
    """Run a file of tests in this process, with no filter but these."""
    already = "ignore:Module already imported"  # by the run that this one is part of
    pytester.makeini(f"[pytest]\nfilterwarnings = {filters}\n  {already}\n")
    pytester.makepyfile(test_it=f"{inspect.cleandoc(SETUP)}\n\n{inspect.cleandoc(source)}")
    # As in `test_plugin`; the other plugins are left out.
    quick = ("-p", "no:peppy", "-p", "no:cacheprovider", "-p", "no:xdist")
    alone = ("-p", "no:trio", "-p", "no:anyio")
    return pytester.runpytest_inprocess(*quick, *alone, plugins=(plugin,))


@pytest.mark.parametrize("filters", ["", ERROR])
def test_a_node_that_forgets_an_await_fails_its_test(
    pytester: pytest.Pytester, filters: str
) -> None:
    result = run(pytester, FORGETFUL, filters)
    result.assert_outcomes(failed=1, warnings=None if filters else 1)
    result.stdout.re_match_lines([r".*coroutine 'halt' was never awaited \(.*test_it.py:11\)"])


def test_one_that_is_held_in_a_cycle_is_found_as_well(pytester: pytest.Pytester) -> None:
    late = FORGETFUL.replace("setup", "late_setup").replace("test_it()", "test_it(uncollected)")
    result = run(pytester, late)
    result.assert_outcomes(failed=1, warnings=1)


def test_a_node_of_a_stack_that_forgets_an_await_fails_its_test(
    pytester: pytest.Pytester,
) -> None:
    source = """
        from pathlib import Path
        from tests.testing.stack.lamps import lamps

        CODE = "async def shine(): ...\\ndef setup(params, node_runner): shine()"

        @pytest.mark.peppy(loop="trio")
        async def test_it(tmp_path):
            async with lamps(tmp_path, CODE) as stack:
                await stack.sleep(1.0)
    """
    result = run(pytester, source)
    result.assert_outcomes(failed=1, warnings=2)
    result.stdout.re_match_lines([r".*coroutine 'shine' was never awaited \(.*lamp.py:3\)"])


@pytest.mark.parametrize("action", ["ignore", "default"])
def test_a_filter_of_pytests_decides(pytester: pytest.Pytester, action: str) -> None:
    mark = f'@pytest.mark.filterwarnings("{action}:coroutine .* was never awaited")'
    result = run(pytester, f"{mark}\n{inspect.cleandoc(FORGETFUL)}")
    if action == "ignore":
        result.assert_outcomes(passed=1)
    else:
        result.assert_outcomes(failed=1, warnings=1)


def test_a_test_that_expects_the_warning_passes(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.mark.peppy
        async def test_it():
            with pytest.warns(RuntimeWarning, match="'halt' was never awaited"):
                async with Rover(setup):
                    await asyncio.sleep(1)
    """
    run(pytester, source).assert_outcomes(passed=1)


def test_a_test_that_fails_anyway_says_it_besides(pytester: pytest.Pytester) -> None:
    source = f"{inspect.cleandoc(FORGETFUL)}\n        assert 1 == 2"
    result = run(pytester, source)
    result.assert_outcomes(failed=1, warnings=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2", "*besides: coroutine 'halt' was never awaited*"])


def test_tests_that_are_not_ours_do_as_ever(pytester: pytest.Pytester) -> None:
    source = """
        def test_it():
            halt()

        def test_other_warnings():
            before = warnings.showwarning
            warnings.warn("of another kind", RuntimeWarning)

        @pytest.mark.peppy
        async def test_other_warnings_in_ours():
            warnings.warn("of another kind", RuntimeWarning)
    """
    result = run(pytester, source)
    result.assert_outcomes(passed=3, warnings=3)


def test_all_is_as_before_when_a_test_is_over(pytester: pytest.Pytester) -> None:
    source = """
        @pytest.fixture
        def same():
            before = warnings.showwarning, sys.unraisablehook, list(warnings.filters)
            yield
            assert before == (warnings.showwarning, sys.unraisablehook, list(warnings.filters))

        @pytest.mark.peppy
        async def test_it(same):
            assert warnings.showwarning.__module__ == "peppy.testing.forgotten_awaits"
    """
    run(pytester, source).assert_outcomes(passed=1)
