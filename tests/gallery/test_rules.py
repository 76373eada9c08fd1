"""Governed galleries: nobody without a legal basis, no search without a purpose, erased on time."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from tests.gallery.test_erasing import everything, traces

import mien.gallery.journal
from mien.errors import GalleryError, UnknownPersonError
from mien.gallery import (
    Due,
    LegalBasis,
    NoBasisError,
    export_gallery,
    import_gallery,
    open_gallery,
    similar_people,
)
from mien.gallery.conflicts import Limit

CONTRACT = "toy-16:0f0f"
DAY = timedelta(days=1)
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets; it starts at T0."""
    now = SimpleNamespace(time=T0)

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return now.time

    monkeypatch.setattr(mien.gallery.journal, "datetime", Clock)
    monkeypatch.setattr("mien.gallery.checks.datetime", Clock)
    return now


@pytest.fixture
def basis(sha):
    return LegalBasis("door", "notice v2", sha("notice"), evidence_digest=sha("form"))


@pytest.fixture
def path(tmp_path, clock):
    with open_gallery(tmp_path / "door.mien", CONTRACT, create=True) as gallery:
        gallery.govern(365)
    return tmp_path / "door.mien"


@pytest.fixture
def gallery(path):
    with open_gallery(path, CONTRACT, purpose="door") as known:
        yield known


def acts(gallery):
    return [(one.act, one.outcome) for one in gallery.journal.entries()]


def found(gallery, face, seed, k=5):
    return [hit.person for hit in gallery.search(face("", seed).vector[None], k)[0]]


# ---------------------------------------------------------------- who may come in


def test_a_new_gallery_is_personal_and_asks_for_nothing(tmp_path, face):
    with open_gallery(tmp_path / "own.mien", CONTRACT, create=True) as gallery:
        assert (gallery.settings.kind, gallery.settings.term) == ("personal", None)
        gallery.add([face("Ada", 1)])
        assert found(gallery, face, 1) == ["Ada"]
        assert gallery.due() == []
        assert acts(gallery) == [("create", "done"), ("enroll", "done")]  # no search
    with closing(sqlite3.connect(tmp_path / "own.mien")) as db:
        [(text,)] = db.execute("SELECT text FROM facts WHERE kind = 'settings'")
    assert json.loads(text)["kind"] == "personal"


def test_nobody_comes_in_without_a_basis_and_the_message_gives_the_command(gallery, face, basis):
    with pytest.raises(NoBasisError, match="mien gallery consent give 'Ada King' --purpose"):
        gallery.add([face("Ada King", 1, "secret/ada.jpg")])
    assert (len(gallery), gallery.engine.names()) == (0, {})
    assert b"secret/ada" not in everything(gallery.engine._store.path)
    assert acts(gallery)[-1] == ("enroll", "no-basis")
    gallery.give("Ada King", basis)
    gallery.add([face("Ada King", 1)])
    assert found(gallery, face, 1) == ["Ada King"]


def test_a_batch_with_one_person_without_a_basis_adds_nobody(gallery, face, basis):
    gallery.give("Ada", basis)
    with pytest.raises(NoBasisError, match="'Ben' has no valid legal basis"):
        gallery.add([face("Ada", 1), face("Ben", 2)])
    with pytest.raises(NoBasisError):
        gallery.note("Ben", "0" * 64, "blurred", "ben.jpg")
    assert len(gallery) == 0


def test_templates_move_only_to_people_with_a_basis(gallery, face, basis):
    gallery.give("Ada", basis)
    gallery.give("Ben", basis)
    gallery.add([face("Ada", 1), face("Ben", 2)])
    with pytest.raises(NoBasisError):
        gallery.move(1, into="Eve")
    gallery.withdraw("Ben")
    with pytest.raises(NoBasisError):
        gallery.merge("Ada", "Ben")
    assert found(gallery, face, 1) == ["Ada"]
    assert gallery.merge("Ben", "Ada").complete
    assert len(gallery.bases("Ada")) == 2


def test_an_import_needs_a_basis_for_all(gallery, tmp_path, face, basis):
    with open_gallery(tmp_path / "b.mien", CONTRACT, create=True) as other:
        other.add([face("Ada", 1), face("Ben", 2)])
        export_gallery(other, tmp_path / "b.zip")
    gallery.give("Ada", basis)
    with pytest.raises(NoBasisError, match="'Ben'"):
        import_gallery(tmp_path / "b.zip", gallery, limit=Limit(0.9))
    assert len(gallery) == 0
    gallery.give("Ben", basis)
    assert import_gallery(tmp_path / "b.zip", gallery, limit=Limit(0.9)).templates == 2


# ---------------------------------------------------------------- what may be searched


def test_a_search_without_a_purpose_is_refused(path, gallery, face, basis):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])
    with open_gallery(path, CONTRACT) as other:
        with pytest.raises(NoBasisError, match="a search names its purpose"):
            found(other, face, 1)
        assert acts(other)[-1] == ("search", "no-purpose")
    with pytest.raises(GalleryError, match="The purpose 'Front door' is not a code"):
        open_gallery(path, CONTRACT, purpose="Front door")


def test_a_person_is_found_only_for_a_purpose_of_a_basis(path, face, basis):
    with open_gallery(path, CONTRACT) as gallery:
        gallery.give("Ada", basis)
        gallery.give("Ben", replace(basis, purpose="canteen"))
        gallery.give("Cy", basis)
        gallery.give("Cy", replace(basis, purpose="canteen", ground="contract"))
        gallery.add([face("Ada", 1), face("Ben", 2), face("Cy", 3), face("Cy", 4)])
    for purpose, people in (("door", {"Ada", "Cy"}), ("canteen", {"Ben", "Cy"}), ("ads", set())):
        with open_gallery(path, CONTRACT, purpose=purpose, read_only=True) as gallery:
            assert gallery.enrolled() == len(people)
            for seed in range(1, 5):
                assert set(found(gallery, face, seed)) == people
                assert len(found(gallery, face, seed, k=1)) == min(1, len(people))
            entry = list(gallery.journal.entries())[-1]
            assert (entry.act, entry.purpose, entry.threshold) == ("search", purpose, None)
            assert entry.counts == {
                "faces": 1,
                "people": len(people),
                "not-covered": 3 - len(people),
            }


def test_hidden_people_do_not_change_the_answer_for_others(path, unit, basis, face):
    with open_gallery(path, CONTRACT, purpose="door") as gallery:
        for i in range(40):
            gallery.give(f"p{i}", basis if i % 3 else replace(basis, purpose="ads"))
        vectors = unit(400, 3)
        gallery.add([replace(face(f"p{i % 40}", 1), vector=v) for i, v in enumerate(vectors)])
        for query in unit(10, 4):
            hits = gallery.search(query[None], 50)[0]
            best = {}
            for i in np.argsort(-(vectors.astype(float) @ query)):
                if (i % 40) % 3:
                    best.setdefault(f"p{i % 40}", int(i) + 1)
            assert [(hit.person, hit.template) for hit in hits] == list(best.items())


def test_a_withdrawal_has_effect_at_once_also_in_other_processes(path, gallery, face, basis):
    gallery.give("Ada", basis)
    gallery.give("Ada", replace(basis, purpose="canteen"))
    gallery.add([face("Ada", 1)])
    assert found(gallery, face, 1) == ["Ada"]
    with open_gallery(path, None) as other:
        assert other.withdraw("Ada", "door") == 1
        with pytest.raises(GalleryError, match="no valid basis of 'Ada' for 'door'"):
            other.withdraw("Ada", "door")
    assert found(gallery, face, 1) == []
    assert gallery.enrolled() == 0
    gallery.add([face("Ada", 2)])  # the canteen is a ground
    gallery.withdraw("Ada")
    assert [bool(one.withdrawn) for one in gallery.bases("Ada")] == [True, True]
    with pytest.raises(NoBasisError):
        gallery.add([face("Ada", 3)])
    gallery.give("Ada", basis)  # anew
    assert found(gallery, face, 1) == ["Ada"]


def test_a_basis_that_ends_ends_during_an_open_session(gallery, face, basis, clock):
    gallery.give("Ada", replace(basis, until=T0 + DAY))
    gallery.add([face("Ada", 1)])
    assert found(gallery, face, 1) == ["Ada"]
    clock.time = T0 + DAY
    assert found(gallery, face, 1) == []
    clock.time = T0  # set back: the journal knows better
    assert found(gallery, face, 1) == []


# ---------------------------------------------------------------- what is recorded


def test_reading_is_recorded(gallery, tmp_path, face, basis):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])
    before = len(acts(gallery))
    stamp = gallery.stamp()
    gallery.people()
    gallery.templates("Ada")
    gallery.refusals()
    list(gallery)
    similar_people(gallery, Limit(0.9))
    export_gallery(gallery, tmp_path / "out.zip")
    gallery.decided(["unknown", "match", "unknown"], 3.5)
    assert [act for act, _ in acts(gallery)[before:]] == [
        "list",
        "view",
        "list",
        "view-all",
        "compare",
        "export",
        "decide",
    ]
    entry = list(gallery.journal.entries())[-1]
    assert (entry.outcome, entry.threshold) == ("match", 3.5)
    assert entry.counts == {"match": 1, "unknown": 2}
    assert gallery.stamp() == stamp


def test_a_search_that_cannot_be_recorded_returns_nothing(gallery, face, basis, monkeypatch):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])

    def full(*args, **more):
        raise GalleryError("the disk is full")

    monkeypatch.setattr(gallery.journal, "append", full)
    for question in (
        lambda: found(gallery, face, 1),
        lambda: gallery.templates("Ada"),
        lambda: next(iter(gallery)),
        lambda: gallery.whole("export"),
    ):
        with pytest.raises(GalleryError, match="the disk is full"):
            question()


@pytest.mark.skipif(os.name != "posix", reason="needs permissions of files")
def test_a_governed_file_that_cannot_be_written_is_not_searched(
    path, gallery, face, basis, monkeypatch
):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])
    gallery.close()
    monkeypatch.setattr("mien.gallery.store.may_write", lambda path: False)
    with open_gallery(path, CONTRACT, purpose="door") as frozen:
        for question in (lambda: found(frozen, face, 1), frozen.people, lambda: list(frozen)):
            with pytest.raises(GalleryError, match="not writable; make both writable"):
                question()


def test_read_only_refuses_changes_but_records(path, face, basis):
    with open_gallery(path, CONTRACT, purpose="door", read_only=True) as gallery:
        assert found(gallery, face, 1) == []
        assert acts(gallery)[-1] == ("search", "done")
        for change in (
            lambda: gallery.give("Ada", basis),
            lambda: gallery.add([face("Ada", 1)]),
            lambda: gallery.forget("Ada"),
            lambda: gallery.govern(1),
            gallery.scrub,
            gallery.sweep,
        ):
            with pytest.raises(GalleryError, match="is open read-only"):
                change()


# ---------------------------------------------------------------- retention


def test_people_are_due_when_their_last_basis_or_term_ends(gallery, face, basis, clock):
    gallery.give("Term", basis)
    gallery.give("Short", replace(basis, term=10))
    gallery.give("Until", replace(basis, until=T0 + 20 * DAY))
    gallery.give("Two", replace(basis, until=T0 + 20 * DAY))
    gallery.give("Two", replace(basis, purpose="canteen", until=T0 + 40 * DAY))
    gallery.give("Gone", basis)
    gallery.give("Renewed", basis)
    gallery.add([face(name, i) for i, name in enumerate(gallery.engine.names().values())])
    clock.time = T0 + 5 * DAY
    gallery.withdraw("Gone")
    clock.time = T0 + 300 * DAY
    gallery.give("Renewed", basis)
    due = {
        5: {"Gone": "withdrawn"},
        10: {"Short": "term"},
        20: {"Until": "expired"},
        40: {"Two": "expired"},
        365: {"Term": "term"},
        665: {"Renewed": "term"},
    }
    so_far: dict[str, str] = {}
    for days, more in due.items():
        early = gallery.due(T0 + days * DAY - timedelta(seconds=1))
        assert {one.person: one.reason for one in early} == so_far
        so_far |= more
        now = gallery.due(T0 + days * DAY)
        assert {one.person: one.reason for one in now} == so_far
        assert all(one.since == T0 + days * DAY for one in now if one.person in more)


def test_people_of_a_personal_gallery_have_a_month_when_it_becomes_governed(tmp_path, face, clock):
    with open_gallery(tmp_path / "own.mien", CONTRACT, create=True, purpose="door") as gallery:
        gallery.add([face("Ada", 1)])
        clock.time = T0 + 100 * DAY
        gallery.govern(365)
        assert found(gallery, face, 1) == []
        assert gallery.due(T0 + 129 * DAY) == []
        assert gallery.due(T0 + 130 * DAY) == [Due("Ada", T0 + 130 * DAY, "no-basis")]
        gallery.govern(700)  # does not start anew
        assert len(gallery.due(T0 + 130 * DAY)) == 1


def test_a_sweep_is_recorded_even_if_nobody_is_due(gallery, basis, clock):
    assert gallery.sweep() == []
    gallery.give("Ada", basis)
    clock.time = T0 + 366 * DAY
    assert [one.person for one in gallery.sweep()] == ["Ada"]  # never enrolled, but known
    assert gallery.forget("Ada").complete
    counts = [one.counts for one in gallery.journal.entries() if one.act == "retention"]
    assert counts == [{"due": 0}, {"due": 1}]


def test_a_forgotten_person_leaves_no_basis(gallery, face, basis, sha):
    basis = replace(basis, text="Notice for Quillfeather", evidence_digest=sha("Quill form"))
    gallery.give("Zoë Quillfeather", basis)
    gallery.add([face("Zoë Quillfeather", 1)])
    gallery.withdraw("Zoë Quillfeather")
    secrets = ["Quillfeather", sha("Quill form")]
    where = gallery.engine._store.path
    assert traces(everything(where), secrets) == secrets
    assert gallery.forget("Zoë Quillfeather").complete
    assert traces(everything(where), secrets) == []
    with pytest.raises(UnknownPersonError):
        gallery.bases("Zoë Quillfeather")


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"purpose": "Front door!"}, "The purpose 'Front door!' is not a code"),
        ({"purpose": ""}, "The purpose '' is not a code"),
        ({"ground": "x" * 65}, "is not a code"),
        ({"text": "a\nb"}, "control character"),
        ({"text": " "}, "is empty"),
        ({"text_digest": "x"}, "is not a SHA-256"),
        ({"evidence_digest": None}, "A consent needs evidence"),
        ({"evidence_digest": "0"}, "is not a SHA-256"),
        ({"given": datetime(2026, 1, 1)}, "has no time zone"),
        ({"given": datetime(2999, 1, 1, tzinfo=UTC)}, "which is in the future"),
        ({"given": T0, "until": T0}, "cannot end on 2026-01-01"),
        ({"term": 0}, "A retention term of 0 days"),
        ({"term": 10**9}, "is not possible"),
    ],
)
def test_a_bad_basis_is_refused(gallery, basis, change, message):
    with pytest.raises(GalleryError, match=message):
        gallery.give("Ada", replace(basis, **change))
    assert gallery.engine.names() == {}


def test_another_ground_needs_no_evidence(gallery, basis, face):
    gallery.give("Ada", replace(basis, ground="legal-obligation", evidence_digest=None))
    gallery.add([face("Ada", 1)])


@pytest.mark.parametrize("term", [0, -1, 36_501])
def test_a_term_that_is_not_possible_is_refused(gallery, term):
    with pytest.raises(GalleryError, match="expected 1 to 36500"):
        gallery.govern(term)
    assert gallery.settings.term == 365


def test_settings_and_operators_are_kept(path):
    with open_gallery(path, None) as gallery:
        gallery.govern(30, operator="Example Ltd", contact="privacy@example.org")
        gallery.govern(60)
    with open_gallery(path, None) as gallery:
        settings = gallery.settings
    assert (settings.term, settings.operator, settings.contact) == (
        60,
        "Example Ltd",
        "privacy@example.org",
    )


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (
            """UPDATE facts SET text = '{"kind": "personal"}' WHERE kind = 'settings'""",
            "The settings of the gallery are not those of entry 2.",
        ),
        (
            "UPDATE facts SET text = replace(text, '365', '999') WHERE kind = 'settings'",
            "The settings of the gallery are not those of entry 2.",
        ),
        (
            "DELETE FROM facts WHERE kind = 'settings'",
            "The settings of the gallery are not those of entry 2.",
        ),
        ("DELETE FROM facts WHERE kind = 'withdrawal'", "The legal record of entry 6 is missing."),
        (
            "UPDATE facts SET text = replace(text, 'door', 'ads') WHERE kind = 'basis'",
            "was edited or added: no entry has its digest.",
        ),
    ],
)
def test_a_record_that_was_changed_behind_the_journal_is_found(
    path, gallery, face, basis, statement, problem
):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])
    gallery.give("Ben", replace(basis, purpose="canteen"))
    gallery.withdraw("Ben")
    gallery.give("Cy", basis)
    gallery.forget("Cy")
    gallery.give("Dee", basis)
    gallery.merge("Dee", "Ada")
    assert gallery.check() == []
    gallery.close()
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(statement).rowcount
    with open_gallery(path, None) as changed:
        assert any(problem in fault for fault in changed.check())


@pytest.mark.parametrize("kind", ["settings", "basis", "withdrawal"])
@pytest.mark.parametrize("text", ["", "[]", "{}x", "[" * 9999, '{"kind": "open"}', '{"term": 1}'])
def test_damaged_records_let_nobody_through(path, gallery, face, basis, kind, text):
    gallery.give("Ada", basis)
    gallery.add([face("Ada", 1)])
    gallery.give("Ben", basis)
    gallery.withdraw("Ben")
    gallery.close()
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute("UPDATE facts SET text = ? WHERE kind = ?", (text, kind)).rowcount
    with pytest.raises(GalleryError, match="its legal records cannot be read"):  # noqa: SIM117
        with open_gallery(path, CONTRACT, purpose="door", read_only=True) as damaged:
            found(damaged, face, 1)
