"""Every function of the front door has an example, and it runs."""

import doctest
import inspect

import pytest

import mien

FUNCTIONS = [name for name in mien.__all__ if inspect.isfunction(getattr(mien, name))]


def examples(name):
    """The examples of a function of the front door, wherever it is written."""
    function = getattr(mien, name)
    found = doctest.DocTestFinder(recurse=False).find(
        function, name, module=False, globs={"mien": mien}
    )
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_an_example(name):
    assert examples(name), f"mien.{name} needs an `Example:` with `>>>` in its docstring"


@pytest.mark.weights
def test_the_examples_print_what_they_show(workplace):
    runner = doctest.DocTestRunner(verbose=False)
    report = []
    for name in ["enroll", *(name for name in FUNCTIONS if name != "enroll")]:  # it fills a gallery
        for test in examples(name):
            runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)
