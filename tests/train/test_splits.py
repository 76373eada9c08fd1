import numpy as np
import pytest

from mien.errors import TrainingError
from mien.train import folds, group_ids, held_out, leave_one_out, require_classes

PEOPLE = [f"P{k % 7}" for k in range(50)] + ["Q"] * 20


def test_folds_cover_each_row_once_and_no_person_twice():
    parts = folds(PEOPLE, 4)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(70))
    for train, test in parts:
        assert not {PEOPLE[k] for k in train} & {PEOPLE[k] for k in test}
        assert len(train) + len(test) == 70
    assert max(len(t) for _, t in parts) - min(len(t) for _, t in parts) <= 8
    again = folds(PEOPLE, 4)
    assert all((a[1] == b[1]).all() for a, b in zip(parts, again, strict=True))
    assert any((a[1] != b[1]).any() for a, b in zip(parts, folds(PEOPLE, 4, seed=1), strict=False)
               if len(a[1]) == len(b[1]))  # fmt: skip


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_held_out_share_is_about_as_large_as_asked(share):
    people = [f"P{k // 3}" for k in range(300)]
    train, held = held_out(people, share)
    assert len(held) == pytest.approx(300 * share, abs=6)
    assert not {people[k] for k in train} & {people[k] for k in held}


def test_one_person_cannot_be_split():
    with pytest.raises(TrainingError, match="1 person cannot be split into 2 parts"):
        held_out(["Ada"] * 9, 0.5)
    with pytest.raises(TrainingError, match="1 person cannot be split"):
        leave_one_out(["Ada", "Ada"])
    with pytest.raises(TrainingError, match="3 people or groups cannot be split into 5 parts"):
        folds(["a", "b", "c"], 5)


def test_each_person_is_left_out_once():
    parts = leave_one_out(["b", "a", "b"])
    assert [(name, train.tolist(), test.tolist()) for name, train, test in parts] == [
        ("a", [0, 2], [1]), ("b", [1], [0, 2]),
    ]  # fmt: skip
    with pytest.raises(TrainingError, match="1 rows name no person"):
        leave_one_out(["a", "", "b"])


def test_what_is_joined_by_any_chain_stays_together():
    people = ["Ada", "Bo", "", "", "Cy", "Ada"]
    alike = [1, 2, 2, 3, 3, 4]
    groups = group_ids(people, alike)
    assert groups[0] == groups[5] == "Ada"
    assert groups[1] == groups[2]
    assert groups[3] == groups[4]
    assert len(set(groups)) == 3
    assert len(set(group_ids(["", "", ""]))) == 3  # unknown people are not one person


def test_labels_become_numbers_and_what_is_wrong_with_them_is_told():
    assert require_classes(["b", "a", "b"], ("a", "b")).tolist() == [1, 0, 1]
    with pytest.raises(TrainingError, match=r"Labels outside a, b in training: 'c' 2 times"):
        require_classes(["a", "c", "c", "b"], ("a", "b"))
    with pytest.raises(TrainingError, match="No row of the fold is b or d; add some"):
        require_classes(["a", "c"], ("a", "b", "c", "d"), "the fold")
