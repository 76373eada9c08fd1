import pytest
import torch

from mien.errors import TrainingError
from mien.train import Batches


def test_each_row_comes_once_and_another_epoch_has_another_order():
    rows = Batches(torch.arange(12), torch.arange(12) * 2, size=4, seed=3)
    first = list(rows)
    assert len(rows) == 3
    assert sorted(torch.cat([x for x, _ in first]).tolist()) == list(range(12))
    assert all(torch.equal(y, x * 2) for x, y in first)
    again = list(rows)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    rows.set_epoch(1)
    assert not torch.equal(torch.cat([x for x, _ in rows]), torch.cat([x for x, _ in first]))


def test_weights_draw_what_is_rare_more_often():
    label = (torch.arange(1000) >= 900).long()
    weight = torch.where(label == 1, 9.0, 1.0)
    drawn = torch.cat([y for _, y in Batches(torch.arange(1000), label, size=100, weight=weight)])
    assert 420 < drawn.sum() < 580


def test_a_change_sees_the_first_column_only_and_the_epoch_s_chances():
    def change(x, generator):
        return x + torch.rand(len(x), generator=generator)

    rows = Batches(torch.zeros(8), torch.zeros(8), size=8, change=change)
    [(x, y)], [(again, _)] = list(rows), list(rows)
    assert x.min() > 0 == y.max()
    assert torch.equal(x, again)


def test_columns_must_fit_together():
    with pytest.raises(TrainingError, match=r"N rows each, got \[3, 4\]"):
        Batches(torch.zeros(3), torch.zeros(4), size=2)
    with pytest.raises(TrainingError, match="N rows each"):
        Batches(torch.zeros(0), size=2)
    assert len(Batches(torch.zeros(3), size=64)) == 1
