"""Questions about clips: scored by hand, and the real figure."""

import pytest

from mien.systems.micro_mol import asking
from mien.systems.micro_mol.head import UNITS


def test_questions_are_scored_by_hand():
    shown = [False] * len(UNITS)
    truth = asking.evidence([0, 1, 0], [*shown[:5], True, *shown[6:]])  # AU12
    asked = asking.questions(7, truth, "happiness", coded=True)
    assert [one.answer for one in asked[:3]] == ["positive", "happiness", "lip corner puller"]
    assert [one.answer for one in asked[3:]].count("yes") == 1
    assert len(asked) == 3 + len(UNITS)
    assert [one.question for one in asking.questions(7, truth, "others", coded=False)] == [
        asking.COARSE_ASKED
    ]
    right = asking.scores(asked, asking.answered(asked, {7: truth}))
    assert set(right.values()) == {1.0}
    wrong = asking.scores(asked, ["unmeasured"] * len(asked))
    assert set(wrong.values()) == {0.0}
    other = asking.questions(8, asking.evidence([1, 0, 0], shown), "anger", coded=True)
    blind = asking.commonest(asked, [*asked, *other, *other])
    assert blind[:2] == ["negative", "anger"]
    assert set(blind[3:]) == {"no"}


@pytest.mark.realdata
def test_answers_about_held_out_subjects_have_the_scores_of_the_page(torch, data):
    from mien.systems.micro_mol import proof

    given = proof._coded(data, data, None)
    mine, blind = (proof._ask(arm, 0, given) for arm in (proof.ASK, proof.NO_CLIP))
    assert 0.6 <= mine["coarse UF1"] <= 0.78
    assert mine["mean"] > blind["mean"] + 0.1
