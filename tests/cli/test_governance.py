"""The commands for the rules of a gallery, on templates that are made here."""

import hashlib
import json
import sqlite3
import zipfile
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from tests.cli.test_gallery import filled, lines

pytestmark = pytest.mark.usefixtures("own_runs")


@pytest.fixture
def path(tmp_path):
    return filled(tmp_path / "people.mien", Ada=[0, 90], Ben=[180])


def test_the_journal_is_shown_and_names_who_did_it(mien, path):
    assert mien("gallery", "rename", "Ben", "Benjamin", "-g", path, "--who", "Grace")[0] == 0
    code, out, _ = mien("gallery", "journal", "show", "-g", path)
    assert code == 0
    assert [row["act"] for row in lines(out)] == ["create", "enroll", "enroll", "rename"]
    assert (lines(out)[-1]["who"], lines(out)[-1]["people"]) == ("Grace", [2])
    code, out, _ = mien("gallery", "journal", "show", "-g", path, "--last", 1, "--table")
    assert "Grace" in out
    assert "enroll" not in out
    _, out, _ = mien("gallery", "journal", "show", "-g", path, "--act", "create")
    assert [row["number"] for row in lines(out)] == [1]


def test_the_environment_can_name_who_did_it(mien, path, monkeypatch):
    monkeypatch.setenv("MIEN_WHO", "Nightly run")
    assert mien("gallery", "rename", "Ben", "Benjamin", "-g", path)[0] == 0
    _, out, _ = mien("gallery", "journal", "show", "-g", path, "--last", 1)
    assert lines(out)[0]["who"] == "Nightly run"


def test_a_changed_journal_is_an_error_that_names_the_place(mien, path, tmp_path):
    anchor = tmp_path / "head.json"
    code, out, _ = mien("gallery", "journal", "anchor", anchor, "-g", path)
    assert (code, lines(out)[0]["number"]) == (0, 3)
    code, out, _ = mien("gallery", "journal", "verify", "-g", path, "--anchor", anchor)
    assert (code, lines(out)[0]["intact"], lines(out)[0]["number"]) == (0, True, 3)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE facts SET text = replace(text, 'enroll', 'view') WHERE id = 4")
        assert db.total_changes == 1
    code, out, err = mien("gallery", "journal", "verify", "-g", path)
    assert (code, lines(out)[0]["intact"]) == (1, False)
    number = lines(out)[0]["faults"][0]["number"]
    assert f"Entry {number} was edited" in err
    assert mien("gallery", "check", "-g", path)[0] == 1


def test_an_anchor_that_is_not_there_is_an_error(mien, path, tmp_path):
    code, _, err = mien("gallery", "journal", "verify", "-g", path, "--anchor", tmp_path / "no")
    assert (code, "cannot be read" in err) == (1, True)
    (tmp_path / "no").write_text(json.dumps({"mien": "other"}))
    code, _, err = mien("gallery", "journal", "verify", "-g", path, "--anchor", tmp_path / "no")
    assert (code, "is not the head of a journal" in err) == (1, True)


# ---------------------------------------------------------------- rules


@pytest.fixture
def papers(tmp_path):
    (tmp_path / "notice.txt").write_text("We keep your face.")
    (tmp_path / "form.pdf").write_bytes(b"signed")
    return ["--text", tmp_path / "notice.txt", "--evidence", tmp_path / "form.pdf"]


@pytest.fixture
def governed(mien, path):
    code, out, _ = mien("gallery", "create", "--governed", "--term", 365, "-g", path)
    assert (code, lines(out)[0]["kind"], lines(out)[0]["created"]) == (0, "governed", False)
    return path


def test_the_kind_of_a_gallery_is_shown(mien, path):
    assert lines(mien("gallery", "list", "-g", path)[1])[0]["gallery"] == "personal"
    assert "personal" in mien("gallery", "list", "-g", path, "--table")[1]
    code, out, _ = mien("gallery", "show", "-g", path)
    assert (code, lines(out)[0]["kind"], lines(out)[0]["people"]) == (0, "personal", 2)
    mien("gallery", "create", "--governed", "--term", 30, "--operator", "Ex Ltd", "-g", path)
    assert "governed" in mien("gallery", "list", "-g", path, "--table")[1]
    row = lines(mien("gallery", "show", "-g", path)[1])[0]
    assert (row["kind"], row["term"], row["operator"]) == ("governed", 30, "Ex Ltd")
    assert "Ex Ltd" in mien("gallery", "show", "-g", path, "--table")[1]


def test_a_governed_gallery_needs_a_term_and_stays_governed(mien, path, tmp_path):
    code, _, err = mien("gallery", "create", "--governed", "-g", path)
    assert (code, "needs a retention term" in err) == (1, True)
    code, _, err = mien("gallery", "create", "--personal", "--term", 3, "-g", path)
    assert (code, "are for --governed" in err) == (1, True)
    code, _, err = mien("gallery", "create", "--governed", "--term", 0, "-g", path)
    assert (code, "is not possible" in err) == (1, True)
    assert mien("gallery", "create", "--personal", "-g", path)[0] == 0
    assert mien("gallery", "create", "--governed", "--term", 3, "-g", path)[0] == 0
    code, _, err = mien("gallery", "create", "--personal", "-g", path)
    assert (code, "stays so" in err) == (1, True)


def test_consents_are_given_listed_and_withdrawn(mien, governed, papers):
    give = ["gallery", "consent", "give", "Ada", "Eve", "-g", governed, "--purpose", "door"]
    code, out, _ = mien(*give, *papers, "--until", "2999-01-31", "--version", "v2")
    assert (code, [row["person"] for row in lines(out)]) == (0, ["Ada", "Eve"])
    rows = lines(mien("gallery", "consent", "list", "-g", governed)[1])
    assert {(row["person"], row["valid"]) for row in rows} == {
        ("Ada", True),
        ("Ben", False),
        ("Eve", True),
    }
    ada = next(row for row in rows if row["person"] == "Ada")
    assert (ada["text"], ada["ground"], ada["until"][:10]) == ("v2", "consent", "2999-01-31")
    assert ada["evidence_digest"] == hashlib.sha256(b"signed").hexdigest()
    code, out, _ = mien("gallery", "consent", "withdraw", "Ada", "-g", governed)
    assert lines(out) == [{"person": "Ada", "withdrawn": 1, "other_basis": False}]
    assert mien("gallery", "consent", "withdraw", "Ada", "-g", governed)[0] == 1
    table = mien("gallery", "consent", "list", "Ada", "-g", governed, "--table")[1]
    assert "door" in table
    assert "Eve" not in table


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", "no.txt", "--evidence", "0" * 64], "cannot be read"),
        (["--evidence", "no.pdf"], "cannot be read"),
        ([], "A consent needs evidence"),
        (["--evidence", "0" * 64, "--until", "2001-01-01"], "give a later end"),
        (["--evidence", "0" * 64, "--given", "2999-01-01"], "in the future"),
    ],
)
def test_a_consent_that_proves_nothing_is_refused(mien, governed, papers, words, message):
    words = papers[:2] + words if "--text" not in words else words
    give = ["gallery", "consent", "give", "Ada", "-g", governed, "--purpose", "door"]
    code, out, err = mien(*give, *words)
    assert (code, out, message in err) == (1, "", True)


def test_retention_erases_who_is_due(mien, governed, papers, tmp_path):
    mien("gallery", "consent", "give", "Ada", "-g", governed, "--purpose", "door", *papers)
    mien("gallery", "consent", "withdraw", "Ada", "-g", governed)
    code, out, _ = mien("gallery", "retention", "--dry-run", "-g", governed)
    assert code == 0
    assert [(r["person"], r["reason"], r["erased"]) for r in lines(out)] == [
        ("Ada", "withdrawn", False)
    ]
    (tmp_path / "notes.txt").write_text("Ada was here")
    words = ["gallery", "retention", "-g", governed, "--also", tmp_path / "notes.txt"]
    code, out, _ = mien(*words)
    due, receipt = lines(out)
    assert (code, due["erased"], receipt["complete"], receipt["templates"]) == (0, True, True, 2)
    assert any("notes.txt" in place for place in receipt["remains"])
    assert b"Ada" not in governed.read_bytes()
    assert lines(mien(*words)[1]) == []
    acts = [row["act"] for row in lines(mien("gallery", "journal", "show", "-g", governed)[1])]
    assert acts[-3:] == ["retention", "forget", "retention"]


@pytest.mark.weights
def test_enrolment_and_search_follow_the_rules(mien, workplace, papers):
    assert mien("gallery", "create", "--governed", "--term", 9, "-g", "door.mien")[0] == 0
    code, out, err = mien("enroll", "family", "-g", "door.mien")
    assert [(row["outcome"], row["reason"]) for row in lines(out)] == [("refused", "no-basis")] * 2
    assert "mien gallery consent give Eileen" in err
    give = ["gallery", "consent", "give", "-g", "door.mien", *papers]
    mien(*give, "Eileen", "--purpose", "door")
    mien(*give, "Grace", "--purpose", "canteen")
    code, out, _ = mien("enroll", "family", "-g", "door.mien", "--who", "Clerk")
    assert [row["outcome"] for row in lines(out)] == ["enrolled"] * 2  # asked again
    code, _, err = mien("identify", "party.jpg", "-g", "door.mien")
    assert (code, "a search names its purpose" in err) == (1, True)
    code, out, _ = mien("identify", "party.jpg", "-g", "door.mien", "--purpose", "door")
    people = {face["decision"]["person"] for face in lines(out)[0]["faces"]}
    assert people == {"Eileen", None}
    rows = lines(mien("gallery", "journal", "show", "-g", "door.mien")[1])
    assert [row["act"] for row in rows[-2:]] == ["search", "decide"]
    assert (rows[-1]["outcome"], rows[-1]["counts"]) == ("match", {"match": 1, "unknown": 1})
    assert rows[-1]["threshold"] > 0
    assert rows[-1]["purpose"] == "door"
    assert lines(mien("gallery", "journal", "verify", "-g", "door.mien")[1])[0]["intact"]


def test_the_papers_are_filled_in_from_the_settings(mien, governed, papers, tmp_path):
    mien("gallery", "consent", "give", "Ada", "-g", governed, "--purpose", "door", *papers)
    shout = "Ex <b>& Co</b> | Ltd"
    words = ["--operator", shout, "--contact", "privacy@example.org", "--term", 77]
    mien("gallery", "create", "--governed", *words, "-g", governed)
    code, out, _ = mien("gallery", "policy", tmp_path / "papers", "-g", governed)
    names = ["privacy.md", "privacy.html", "impact-assessment.md", "impact-assessment.html"]
    assert (code, [row["out"] for row in lines(out)]) == (
        0,
        [str(tmp_path / "papers" / name) for name in names],
    )
    for name in names:
        text = (tmp_path / "papers" / name).read_text("utf-8")
        assert "77 days" in text
        assert "notice.txt" in text
        assert "Ada" not in text
        assert "<b>" not in text
    html = (tmp_path / "papers" / "privacy.html").read_text("utf-8")
    assert "Ex &lt;b&gt;&amp; Co&lt;/b&gt; | Ltd" in html
    assert r"\| Ltd" in (tmp_path / "papers" / "privacy.md").read_text("utf-8")
    (tmp_path / "file").write_text("")
    assert mien("gallery", "policy", tmp_path / "file", "-g", governed)[0] == 1


def test_the_papers_of_a_personal_gallery_promise_no_rules(mien, path, tmp_path):
    assert mien("gallery", "policy", tmp_path / "papers", "-g", path)[0] == 0
    text = (tmp_path / "papers" / "privacy.md").read_text("utf-8")
    assert "personal gallery, for own photos" in text
    assert "names its purpose" not in text


# ---------------------------------------------------------------- receipts


def test_an_erasure_has_a_receipt_that_can_be_proved(mien, path, tmp_path):
    pytest.importorskip("cryptography", reason="needs the extra 'secure'")
    key, receipt, kept = tmp_path / "k.pem", tmp_path / "r.json", tmp_path / "ada.json"
    assert mien("gallery", "keygen", key)[0] == 0
    words = ["--receipt", receipt, "--sign", key, "--person-file", kept, "--yes"]
    code, out, _ = mien("gallery", "forget", "Ada", "-g", path, *words)
    assert (code, lines(out)[0]["complete"]) == (0, True)
    prove = ["gallery", "prove-erased", receipt, "--person-file", kept, "-g", path]
    code, out, _ = mien(*prove, "--key", f"{key}.pub")
    assert (code, lines(out)[0]["erased"], lines(out)[0]["trusted"]) == (0, True, True)
    filled(path, Eve=[0])
    code, out, err = mien(*prove)
    assert (code, lines(out)[0]["equal"]) == (1, 1)
    assert "still has 1 of the templates" in err
    kept.write_text(kept.read_text() + " ")
    code, _, err = mien(*prove)
    assert (code, "is not the file of" in err) == (1, True)


def test_a_receipt_needs_a_key(mien, path, tmp_path):
    forget = ["gallery", "forget", "Ada", "-g", path, "--yes"]
    for words in (["--receipt", tmp_path / "r"], ["--sign", "k"], ["--person-file", "p"]):
        code, _, err = mien(*forget, *words)
        assert (code, "belong together" in err) == (1, True)
    assert len(lines(mien("gallery", "list", "-g", path)[1])) == 2


# ---------------------------------------------------------------- encryption


@pytest.fixture
def no_key(monkeypatch):
    pytest.importorskip("cryptography", reason="needs the extra 'secure'")
    monkeypatch.delenv("MIEN_GALLERY_KEY", raising=False)
    monkeypatch.delenv("MIEN_GALLERY_KEY_FILE", raising=False)
    monkeypatch.setattr("mien.gallery.keys.Ring.get", lambda self, generation: None)


def test_a_gallery_is_encrypted_and_gets_a_new_key(mien, path, tmp_path, no_key, monkeypatch):
    first, second = tmp_path / "first.key", tmp_path / "second.key"
    assert b"Ada" in path.read_bytes()
    code, out, _ = mien("gallery", "encrypt", "--key-file", first, "-g", path)
    assert (code, lines(out)[0]["complete"]) == (0, True)
    assert b"Ada" not in path.read_bytes()
    code, _, err = mien("gallery", "list", "-g", path)
    assert (code, "its key was not found" in err) == (1, True)
    monkeypatch.setenv("MIEN_GALLERY_KEY_FILE", str(first))
    assert [row["person"] for row in lines(mien("gallery", "list", "-g", path)[1])] == [
        "Ada",
        "Ben",
    ]
    assert lines(mien("gallery", "show", "-g", path)[1])[0]["encrypted"]
    assert mien("gallery", "rekey", "--key-file", second, "-g", path)[0] == 0
    code, _, err = mien("gallery", "list", "-g", path)
    assert (code, "is not that of gallery" in err) == (1, True)
    monkeypatch.setenv("MIEN_GALLERY_KEY", second.read_text())
    assert mien("gallery", "check", "-g", path)[0] == 0
    acts = [row["act"] for row in lines(mien("gallery", "journal", "show", "-g", path)[1])]
    assert acts[-2:] == ["encrypt", "rekey"]
    mien("gallery", "policy", tmp_path / "papers", "-g", path)
    assert "AES-256-GCM" in (tmp_path / "papers" / "impact-assessment.md").read_text()


def test_a_backup_is_encrypted_and_a_plain_export_is_asked_for(
    mien, path, tmp_path, no_key, monkeypatch
):
    monkeypatch.setenv("MIEN_GALLERY_KEY", "ab" * 32)
    assert mien("gallery", "encrypt", "-g", path)[0] == 0
    copy, out = tmp_path / "copy.mien", tmp_path / "out.zip"
    code, _, err = mien("gallery", "export", out, "-g", path)
    assert (code, "--plain" in err, out.exists()) == (1, True, False)
    assert mien("gallery", "export", out, "-g", path, "--plain")[0] == 0
    assert mien("gallery", "backup", copy, "-g", path)[0] == 0
    assert b"Ada" not in copy.read_bytes()
    assert len(lines(mien("gallery", "list", "-g", copy)[1])) == 2
    code, _, err = mien("gallery", "backup", copy, "-g", path)
    assert (code, "exists already" in err) == (1, True)
    code, _, err = mien("gallery", "backup", tmp_path / "no" / "c.mien", "-g", path)
    assert (code, "c.mien" in err or "cannot" in err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["encrypt"], "No key was given"),
        (["encrypt", "--keyring", "--key-file", "k"], "two places for one key"),
        (["rekey", "--key-file", "k"], "is not encrypted"),
        (["encrypt", "--key-file", "no/such/key"], "cannot be written"),
    ],
)
def test_without_a_key_nothing_changes(mien, path, no_key, words, message):
    before = path.read_bytes()
    code, _, err = mien("gallery", *words, "-g", path)
    assert (code, message in err) == (1, True)
    assert path.read_bytes() == before


@pytest.mark.realdata
@pytest.mark.weights
def test_rules_and_encryption_change_no_answer_about_real_people(
    mien, data, tmp_path, papers, no_key, monkeypatch
):
    monkeypatch.setenv("MIEN_GALLERY_KEY", "ab" * 32)
    with zipfile.ZipFile(data / "lfw_gray.zip") as archive:
        images = defaultdict(list)
        for name in sorted(archive.namelist()):
            if name.endswith(".jpg"):
                images[Path(name).stem.rsplit("_", 1)[0]].append(name)
        people = [person for person, each in images.items() if len(each) > 1][:4]
        for person in people:
            for name, folder in zip(images[person], (f"enrol/{person}", "probe"), strict=False):
                (tmp_path / folder).mkdir(parents=True, exist_ok=True)
                (tmp_path / folder / Path(name).name).write_bytes(archive.read(name))
    plain, governed = tmp_path / "plain.mien", tmp_path / "governed.mien"
    mien("gallery", "create", "--governed", "--term", 9, "-g", governed)
    assert mien("gallery", "encrypt", "-g", governed)[0] == 0
    give = ["gallery", "consent", "give", "-g", governed, *papers]
    mien(*give, *people[1:], "--purpose", "door")
    mien(*give, people[0], "--purpose", "canteen")
    answers = []
    for path, more in ((plain, []), (governed, ["--purpose", "door"])):
        assert mien("enroll", tmp_path / "enrol", "-g", path)[0] == 0
        _, out, _ = mien("identify", tmp_path / "probe", "-g", path, *more)
        decisions = [row["faces"][0]["decision"] for row in lines(out)]
        answers.append([(one["person"], one["similarity"]) for one in decisions])
    first, second = (dict(zip(sorted(people), each, strict=True)) for each in answers)
    assert {first.pop(people[0])[0], second.pop(people[0])[0]} == {people[0], None}
    assert first == second
    assert all(name.encode() not in governed.read_bytes() for name in people)
