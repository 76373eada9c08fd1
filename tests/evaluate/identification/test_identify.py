import numpy as np
import pytest

from mien.errors import TooFewTrialsError
from mien.evaluate.identification.identify import identify, search
from mien.metrics.findings import plain


def test_searches_by_brute_force(crowd):
    found, failures = crowd(30, 3, noise=1.2, failed={(4, 0), (7, 1)})
    [one] = search(found, failures, [12], outside=0.4, seed=2)
    assert one.people == 12
    inside, outside = set(one.wanted), set(one.strangers)
    assert not inside & outside
    assert len(outside) == 12
    first = {}
    for picture in sorted([*found, *(f.picture for f in failures)], key=lambda p: str(p.path)):
        first.setdefault(picture.person, picture)
    gallery = {p: found[first[p]] for p in inside if first[p] in found}
    assert len(gallery) == one.templates
    for k, person in enumerate(one.wanted):
        if np.isnan(one.own[k]):
            assert person in ("p004", "p007")
            continue
        assert np.isclose([found[q] @ gallery[person] for q in found if q.person == person],
                          one.own[k], atol=1e-6).any()  # fmt: skip
    best = sorted(max(found[q] @ g for g in gallery.values()) for q in found if q.person in outside)
    assert np.sort(one.best) == pytest.approx(best, abs=1e-6)


def test_a_person_who_could_not_be_enrolled_is_missed(crowd):
    found, failures = crowd(20, 2, noise=0.1, failed={(k, 0) for k in range(20)} - {(3, 0)})
    [one] = search(found, failures, [10], seed=0)
    assert np.isnan(one.own).sum() >= 9
    assert one.missed(-1.0).value == pytest.approx(np.isnan(one.own).mean())


def test_misses_rise_with_the_gallery_and_the_smaller_one_is_part_of_the_larger(crowd):
    found, _ = crowd(120, 3, noise=1.6)
    galleries = search(found, [], [70, 20])
    assert set(galleries[1].wanted) < set(galleries[0].wanted)
    assert galleries[0].missed(-1.0).value > galleries[1].missed(-1.0).value
    told = plain(identify(galleries, data="a crowd", pictures=360, failed=0))
    rows = told["tables"][1]["rows"]
    assert {row["People enrolled"] for row in rows} == {70, 20}
    assert all(row["FPIR"]["value"] <= float(row["FPIR asked"]) for row in rows)


@pytest.mark.parametrize(
    ("people", "each", "sizes", "says"),
    [
        (20, 1, (), "0 of them with two images"),
        (3, 2, (), "3 people"),
        (20, 2, (50,), "A gallery of 50 people was asked for, but 12 can be enrolled"),
    ],
)
def test_what_cannot_be_searched_is_refused(people, each, sizes, says, crowd):
    found, _ = crowd(people, each)
    with pytest.raises(TooFewTrialsError, match=says):
        search(found, [], sizes)
