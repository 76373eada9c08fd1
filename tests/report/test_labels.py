import pytest

from mien.quality.advice import _RULES
from mien.report import labels
from mien.report.svg_decision import Axis


@pytest.mark.parametrize(
    ("probability", "told"),
    [(1.0, "> 99.9 %"), (0.9994, "99.9 %"), (0.5, "50.0 %"), (0.0001, "< 0.1 %"), (0.0, "< 0.1 %")],
)
def test_a_probability_is_never_rounded_to_certainty(probability, told):
    assert labels.percent(probability) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0004, "0.4 ms"), (0.0123, "12 ms"), (1.234, "1.2 s"), (125, "2 min")]
)
def test_times_have_the_unit_that_suits_them(seconds, told):
    assert labels.time(seconds) == told


@pytest.mark.parametrize(
    ("rate", "told"), [(0.001, "1 in 1,000"), (0.01, "1 in 100"), (0.5, "50%")]
)
def test_small_rates_are_told_as_one_in_many(rate, told):
    assert labels.one_in(rate) == told


def test_every_component_that_gives_advice_has_plain_words():
    assert set(_RULES) <= set(labels.COMPONENTS)


def test_an_axis_begins_at_0_and_covers_what_is_on_it():
    axis = Axis.around([0.8, 5.2])
    assert axis.high == 6
    assert axis.at(6.0) > axis.at(5.2) > axis.at(0.8) > axis.at(0.0)
    assert axis.at(-5) == axis.at(0)
    assert Axis.around([99.0]).high == 12
    assert Axis.around([]).high >= 4
