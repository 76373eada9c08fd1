import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.fairness.disparity import cells_of, factors_of, flips
from mien.evaluate.fairness.disparity_report import disparity
from mien.evaluate.fairness.grid import (
    Grid,
    NetAnswers,
    parted,
    read_grid,
    recorded,
    run_grid,
    write_csv,
)
from mien.evaluate.fairness.labelled_faces import (
    Faces,
    faces_in,
    near_duplicates,
    require_apart,
    split,
)
from mien.metrics.findings import plain

SETS = ("one", "two", "three")


def faces(count=80, seed=0, sets=SETS):
    """Noise; two pictures of each person."""
    random = np.random.default_rng(seed)
    total = count * len(sets)
    person = tuple(f"{seed}-{k // 2}" for k in range(total))
    return Faces(
        random.integers(0, 256, (total, 16, 16, 3), dtype=np.uint8),
        np.arange(total) % 4 < 2,
        tuple(np.repeat(sets, count).tolist()),
        person,
        tuple(f"{seed}-{k}.png" for k in range(total)),
    )


def grid(seeds=(0, 1), models=("a", "b"), losses=("x", "y")):
    pairs = tuple((m, loss) for m in models for loss in losses)
    return Grid("toy", pairs, {name: {} for name in SETS}, seeds, 16, 0.5)


def says(rates):
    """A training whose network is right about women and men of each set so often."""

    def run(model, loss, seed, train, test):
        random = np.random.default_rng([seed, *map(ord, model + loss)])
        wanted = np.array([rates[d][int(m)] for d, m in zip(test.dataset, test.male, strict=True)])
        right = random.random(len(test)) < wanted
        male = np.where(right == test.male, 0.9, 0.1)
        return NetAnswers(male, random.normal(size=(len(test), 8)).astype(np.float32))

    return run


EVEN = dict.fromkeys(SETS, (0.8, 0.8))


def results(tmp_path, rates=EVEN, count=160, **how):
    test = faces(count, seed=2)
    return run_grid(grid(**how), faces(20, seed=1), test, tmp_path / "nets", says(rates))


def test_what_drives_the_disparity_is_named_and_a_flip_found(tmp_path):
    made = results(tmp_path, {"one": (0.9, 0.6), "two": (0.8, 0.8), "three": (0.6, 0.9)})
    cells = cells_of(made)
    one = next(c for c in cells if c.dataset == "one")
    assert one.disparity.value == pytest.approx(one.recall_men - one.recall_women)
    assert one.surely == -1
    assert len(flips(cells, SETS)) == 4
    factors = {f.name: f for f in factors_of(made, gap=True, rounds=200)}
    assert factors["data set"].share > 0.5
    assert factors["data set"].p < 0.01
    assert factors["model"].p > 0.01
    told = plain(disparity(made, data="toys"))
    assert "The data set explains most of the disparity" in told["lead"]
    assert any("do not certify a model on one set" in note for note in told["notes"])
    assert "no evidence of fairness on another" in told["warnings"][0]


@pytest.mark.slow
def test_where_nothing_differs_nothing_is_found(tmp_path):
    quiet = 0
    for seed in range(20):
        test = faces(160, seed=2)
        shared = np.random.default_rng(seed).random(len(test)) < 0.8  # pictures are hard or easy

        def run(model, loss, k, train, test, shared=shared):
            noise = np.random.default_rng([k, *map(ord, model + loss)]).random(len(test)) < 0.1
            right = shared ^ noise
            return NetAnswers(
                np.where(right == test.male, 0.9, 0.1), np.zeros((len(test), 0), np.float32)
            )

        made = run_grid(grid(), faces(20, seed=1), test, tmp_path / f"{seed}", run)
        factors = {f.name: f for f in factors_of(made, gap=True, rounds=200)}
        quiet += factors["data set"].p > 0.05
        assert flips(cells_of(made, resamples=300), SETS) == []
    assert quiet >= 17


def test_a_run_that_was_killed_goes_on_and_leaves_no_half_file(tmp_path):
    calls, inner = [], says(EVEN)

    def dies(model, loss, seed, train, test):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append((model, loss, seed))
        return inner(model, loss, seed, train, test)

    parts = (faces(20, seed=1), faces(80, seed=2))
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid(), *parts, tmp_path / "nets", dies)
    assert len(list((tmp_path / "nets").iterdir())) == 3
    fresh = []

    def counts(*words):
        fresh.append(words[:3])
        return inner(*words)

    made = run_grid(grid(), *parts, tmp_path / "nets", counts)
    assert len(fresh) == 8 - 3
    again = run_grid(grid(), *parts, tmp_path / "other", inner)
    assert np.array_equal(made.male, again.male)


def test_results_of_other_pictures_and_broken_files_are_refused(tmp_path):
    results(tmp_path)
    with pytest.raises(MienError, match="made with other images"):
        run_grid(grid(), faces(20, seed=1), faces(80, seed=5), tmp_path / "nets", says(EVEN))
    (tmp_path / "nets" / "a--x--0.npz").write_bytes(b"half")
    with pytest.raises(MienError, match="is broken"):
        results(tmp_path)


def test_small_groups_get_no_verdict_and_none_at_all_is_an_error(tmp_path):
    made = results(tmp_path, count=40)  # 20 women and 20 men a set
    cells = cells_of(made)
    assert not any(c.disparity.known for c in cells)
    assert "30 of each are needed" in cells[0].disparity.reason
    findings = disparity(made, data="few")
    assert any("No verdict about one, three, two" in w for w in findings.warnings)
    women = faces(40, seed=2).some(~faces(40, seed=2).male)
    alone = run_grid(grid(), faces(20, seed=1), women, tmp_path / "women", says(EVEN))
    with pytest.raises(TooFewTrialsError, match="0 men"):
        cells_of(alone)


def test_answers_in_words_are_read_and_others_abstain(tmp_path):
    test = faces(2, seed=3, sets=("one",))
    path = tmp_path / "vlm.csv"
    path.write_text(f"path,answer\n{test.names[0]},Man\n{test.names[1]},I cannot tell\n")
    said = recorded(path, test)
    assert said.male[0] == 1
    assert np.isnan(said.male[1])


def test_one_person_and_one_picture_stay_on_one_side():
    every = faces(100)
    train, test = split(every, 0.5)
    assert not set(train.person) & set(test.person)
    assert 60 < len(train) < 240
    require_apart(train, test)
    with pytest.raises(MienError, match=r"people are in training and in the test"):
        require_apart(train, every)
    twin = Faces(train.images[:3], train.male[:3], train.dataset[:3], ("x",) * 3, ("c",) * 3)
    with pytest.raises(MienError, match="near-duplicates of one of the training"):
        require_apart(train, twin)
    only = parted(Grid("g", (("a", "x"),), {}, (0,), 16, 0.5, train_on=("one",)), every)
    assert set(only[0].dataset) == {"one"}


def test_pictures_that_differ_by_noise_look_alike_and_others_do_not():
    random = np.random.default_rng(0)
    smooth = np.kron(random.integers(0, 200, (4, 5, 5, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    noisy = np.clip(smooth + random.integers(-3, 4, smooth.shape), 0, 255).astype(np.uint8)
    group = near_duplicates(np.concatenate([smooth, noisy]))
    assert group[:4].tolist() == group[4:].tolist()
    assert len(set(group[:4].tolist())) == 4


def test_a_table_of_faces(tmp_path, put):
    for name in ("a", "b", "c"):
        put(tmp_path / f"{name}.png")
    table = tmp_path / "faces.csv"
    table.write_text("path,gender,dataset,person\na.png,F,one,x\nb.png,M,one,y\nc.png,?,one,z\n")
    made = faces_in(table, tmp_path, 16)
    assert (made.male.tolist(), made.person, made.unlabelled) == ([False, True], ("x", "y"), 1)
    assert made.images.shape == (2, 16, 16, 3)


def test_every_answer_can_be_written_for_other_tools(tmp_path):
    made = results(tmp_path, count=4)
    write_csv(made, tmp_path / "rows.csv")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 8 * 12


@pytest.mark.parametrize(
    ("text", "says_so"),
    [
        ("pairs = [", "cannot be read as a grid"),
        ("colour = 1", "unknown key 'colour'"),
        ("[datasets]\na = {}", "lists no pairs"),
        ('[[pairs]]\nmodel = "m"\n[datasets]\na = {}', "a model and a list of losses"),
        ('[[pairs]]\nmodel = "m"\nlosses = ["x", "x"]\n[datasets]\na = {}', "one of them twice"),
        ('[[pairs]]\nmodel = "m"\nlosses = ["x"]', r"names no \[datasets\]"),
        (
            'train_on = ["b"]\n[[pairs]]\nmodel = "m"\nlosses = ["x"]\n[datasets]\na = {}',
            "'b' is not",
        ),
    ],
)
def test_a_broken_grid_is_told(tmp_path, text, says_so):
    (tmp_path / "g.toml").write_text(text)
    with pytest.raises(MienError, match=says_so):
        read_grid(tmp_path / "g.toml")
