"""People: enrolled with or without a legal basis, renamed, merged, erased with a receipt."""

import json

import pytest
from tests.toy_server import png, portrait

from mien.gallery import open_gallery
from mien.gallery.receipts import is_genuine, read_receipt

BASIS = {"purpose": "door", "version": "v1", "text": "I agree.", "evidence_digest": "0" * 64}


def people(toys, gallery="people"):
    return {one["name"]: one for one in toys("GET", f"/galleries/{gallery}/people")["items"]}


def test_the_list_has_pages(toys):
    toys.gallery("people", "Ada", "Bob", "Cyd")
    first = toys("GET", "/galleries/people/people", params={"limit": 2})
    second = toys("GET", "/galleries/people/people", params={"limit": 2, "cursor": first["next"]})
    names = [one["name"] for page in (first, second) for one in page["items"]]
    assert (names, second["next"], first["total"]) == (["Ada", "Bob", "Cyd"], None, 3)
    wrong = toys("GET", "/galleries/people/people", params={"cursor": "x"}, ok=False)
    assert wrong.json()["error"]["code"] == "cursor"
    [found] = toys("GET", "/galleries/people/people", params={"search": "bO"})["items"]
    assert found["name"] == "Bob"


def test_a_photo_is_enrolled_once_and_a_refused_one_has_a_reason(toys):
    toys.gallery("people", "Ada")
    again = toys.enrol("Ada")["photos"][0]
    assert again["outcome"] == "already"
    two = toys.enrol("Bob", picture=portrait("Ada", "Bob"))["photos"][0]
    assert (two["outcome"], two["reason"]) == ("refused", "several-faces")
    box = json.dumps([[140, 20, 200, 80]])
    chosen = toys.enrol("Bob", picture=portrait("Ada", "Bob"), boxes=box, retry=True)
    assert chosen["photos"][0]["outcome"] == "enrolled"
    assert toys.enrol("Cyd", picture=b"nothing")["photos"][0]["reason"] == "unreadable"


def test_a_face_of_somebody_else_is_a_conflict(toys):
    toys.gallery("people", "Ada")
    other = toys.enrol("Eve", picture=portrait("Ada", side=50))["photos"][0]
    assert (other["outcome"], other["reason"]) == ("refused", "conflict")
    taken = toys.enrol("Eve", picture=portrait("Ada", side=50), allow_conflicts=True, retry=True)
    assert taken["photos"][0]["outcome"] == "enrolled"


def test_people_are_renamed_merged_and_templates_moved_and_removed(toys):
    made = toys.gallery("people", "Ada", "Bob")
    ada, bob = (made[name]["person"]["id"] for name in ("Ada", "Bob"))
    path = "/galleries/people/people"
    assert toys("PATCH", f"{path}/{ada}", json={"name": "Ada King"})["name"] == "Ada King"
    [template] = toys("GET", f"{path}/{bob}")["enrolled"]
    place = f"{path}/{bob}/templates/{template['id']}"
    assert toys("GET", f"{place}/picture").content.startswith(b"\xff\xd8")
    assert len(toys("GET", f"{place}/vector")["vector"]) == 3
    toys("POST", f"{place}/move", json={"into": ada})
    assert toys("GET", f"{path}/{ada}")["templates"] == 2
    toys.enrol("Cyd")
    cyd = people(toys)["Cyd"]["id"]
    assert toys("POST", f"{path}/{cyd}/merge", json={"into": ada})["templates"] == 3
    toys("DELETE", f"{path}/{ada}/templates/{template['id']}")
    assert toys("GET", f"{path}/{ada}")["templates"] == 2
    assert toys("POST", f"{path}/{ada}/merge", json={"into": ada}, ok=False).status_code == 422


def test_an_erased_person_is_gone_and_the_receipt_is_genuine(toys):
    ada = toys.gallery("people", "Ada", "Bob")["Ada"]["person"]["id"]
    path = f"/galleries/people/people/{ada}"
    assert toys("GET", f"{path}/portrait").status_code == 200
    done = toys("DELETE", path, params={"person_file": True})
    assert (done["people"], done["complete"], done["elsewhere"]["pictures"]) == (1, True, 1)
    receipt = read_receipt(json.dumps(done["receipt"]).encode(), "receipt")
    assert is_genuine(receipt)
    assert receipt.statement.gallery == "people"
    assert done["person_file"]["person"] == "Ada"
    for gone in (path, f"{path}/portrait"):
        assert toys("GET", gone, ok=False).status_code == 404
    assert list(people(toys)) == ["Bob"]
    kept = b"".join(p.read_bytes() for p in toys.settings.folder.rglob("*") if p.is_file())
    assert b"Ada" not in kept


def test_pictures_are_kept_only_if_the_operator_wants_them(make):
    toys = make(portraits=False)
    ada = toys.gallery("people", "Ada")["Ada"]["person"]
    assert ada["portrait"] is False
    path = f"/galleries/people/people/{ada['id']}/portrait"
    assert toys("GET", path, ok=False).status_code == 404
    assert list(toys.settings.folder.rglob("portraits*")) == []


def test_a_governed_gallery_asks_for_a_basis_and_a_purpose(toys):
    toys.gallery("door")
    rules = toys("PUT", "/galleries/door/rules", json={"term": 30, "operator": "Us"})
    assert rules["kind"] == "governed"
    refused = toys.enrol("Ada", gallery="door")
    assert (refused["person"], refused["photos"][0]["reason"]) == (None, "no-basis")
    done = toys.enrol("Ada", gallery="door", basis=json.dumps(BASIS))
    assert done["photos"][0]["outcome"] == "enrolled"
    refused = toys.identify(portrait("Ada"), gallery="door", ok=False)
    assert refused.json()["error"]["code"] == "no-basis"
    [found] = toys.identify(portrait("Ada"), gallery="door", purpose="door")["answers"]
    assert found["faces"][0]["decision"]["person"] == "Ada"
    [found] = toys.identify(portrait("Ada"), gallery="door", purpose="other")["answers"]
    assert found["faces"][0]["decision"]["outcome"] == "unknown"


def test_bases_are_listed_given_and_withdrawn(toys):
    toys.gallery("door")
    toys("PUT", "/galleries/door/rules", json={"term": 30})
    ada = toys.enrol("Ada", gallery="door", basis=json.dumps(BASIS))["person"]["id"]
    path = f"/galleries/door/people/{ada}/bases"
    [basis] = toys("GET", path)
    assert (basis["valid"], basis["purpose"]) == (True, "door")
    toys("POST", path, json={**BASIS, "purpose": "canteen"})
    done = toys("POST", f"{path}/withdraw", params={"purpose": "canteen"})
    assert done == {"ended": 1, "other_basis": True}
    assert toys("POST", f"{path}/withdraw") == {"ended": 1, "other_basis": False}
    [due] = toys("GET", "/galleries/door/retention")
    assert (due["person"], due["reason"]) == ("Ada", "withdrawn")
    toys("POST", "/galleries/door/retention")
    assert people(toys, "door") == {}
    assert toys("GET", "/galleries/door/bases") == []


@pytest.mark.parametrize("basis", ["{", "{}", '{"purpose": "A b"}', json.dumps({**BASIS, "x": 1})])
def test_a_basis_that_is_none_is_refused(toys, basis):
    toys.gallery("people")
    refused = toys(
        "POST", "/galleries/people/people", data={"name": "Ada", "basis": basis}, ok=False
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid")


def test_the_journal_names_the_key_and_is_verified(toys):
    toys.gallery("people", "Ada")
    entries = toys("GET", "/galleries/people/journal", params={"limit": 1})
    assert entries["items"][0]["who"].startswith("Kim (")
    assert toys("POST", "/galleries/people/journal/verify")["intact"]
    toys("POST", "/galleries/people/verdicts", json={"person": 1, "right": False})
    toys("POST", "/galleries/people/verdicts", json={"person": 1, "right": True})
    assert toys("GET", "/galleries/people/verdicts") == {"right": 1, "wrong": 1}
    acts = toys("GET", "/galleries/people/journal", params={"act": "verdict"})
    assert [one["people"] for one in acts["items"]] == [[1], [1]]


def test_a_page_of_the_journal_reads_no_more_than_it_shows(toys, monkeypatch):
    toys.gallery("people", "Ada")
    known = toys.state.tenants.open("default", "people", who="test")
    for _ in range(30):
        known.journal.append("search")
    known.journal.append("alarm", "near-duplicate-probes")
    for _ in range(30):
        known.journal.append("search")
    asked = []
    latest = type(known.engine).latest
    monkeypatch.setattr(
        type(known.engine), "latest", lambda self, *a: asked.append(r := latest(self, *a)) or r
    )
    path, numbers, cursor = "/galleries/people/journal", [], None
    while True:
        params = {"limit": 7, **({"cursor": cursor} if cursor else {})}
        found = toys("GET", path, params=params)
        numbers += [one["number"] for one in found["items"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert numbers == list(range(found["total"], 0, -1))
    assert max(map(len, asked)) == 8
    monkeypatch.setattr("mien.gallery.journal.SCANNED", 10)
    pages, cursor = [], None
    for _ in range(10):
        params = {"act": "alarm", **({"cursor": cursor} if cursor else {})}
        found = toys("GET", path, params=params)
        pages.append([one["outcome"] for one in found["items"]])
        cursor = found["next"]
        if cursor is None:
            break
    assert [one for page in pages for one in page] == ["near-duplicate-probes"]
    assert len(pages) == -(-numbers[0] // 10)
    wrong = toys("GET", path, params={"cursor": "-1"}, ok=False)
    assert wrong.json()["error"]["code"] == "cursor"


def test_verdicts_are_counted_from_where_the_last_count_ended(toys, monkeypatch):
    toys.gallery("people", "Ada")
    for right in (True, False, True):
        toys("POST", "/galleries/people/verdicts", json={"person": 1, "right": right})
    read = []
    known = toys.state.tenants.open("default", "people", who="test")
    facts = type(known.engine).facts

    def counted(self, kind, *a, **k):
        found = facts(self, kind, *a, **k)
        read.extend(found if kind == "journal" else [])
        return found

    monkeypatch.setattr(type(known.engine), "facts", counted)
    toys("POST", "/galleries/people/verdicts", json={"person": 1, "right": True})
    assert toys("GET", "/galleries/people/verdicts") == {"right": 3, "wrong": 1}
    assert len(read) == 1
    place = ("default", "people")
    toys.state.verdicts.known[place] = (10**6, 10**6, 9, 9)  # as if a backup were restored
    assert toys("GET", "/galleries/people/verdicts") == {"right": 3, "wrong": 1}


def test_names_are_answered_as_they_are(toys):
    name = "<img src=x onerror=alert(1)>"
    toys.gallery("people")
    files = [("photos", ("<b>.png", png(portrait("Ada"))))]
    done = toys("POST", "/galleries/people/people", data={"name": name}, files=files)
    assert done["person"]["name"] == name
    assert done["photos"][0]["photo"] == "<b>.png"
    for bad in ("a\0b", " ", "x" * 201):
        answer = toys("POST", "/galleries/people/people", data={"name": bad}, ok=False)
        assert answer.status_code in (409, 422), bad


def test_a_restored_face_is_not_enrolled_and_not_named_without_review(toys):
    from mien.media import encode_image

    toys.gallery("people", "Ada")
    note = json.dumps({"change": "restored"})
    restored = {name: encode_image(portrait(name), "png", note=note) for name in ("Ada", "Bob")}
    refused = toys.enrol("Bob", picture=restored["Bob"])["photos"][0]
    assert (refused["outcome"], refused["reason"]) == ("refused", "made-restored")
    [found] = toys.identify(restored["Ada"])["answers"]
    decision = found["faces"][0]["decision"]
    assert (decision["outcome"], decision["person"]) == ("review", None)
    assert decision["code"] == "made-restored"


def test_a_gallery_that_another_program_encrypted_is_opened_again(toys, monkeypatch):
    pytest.importorskip("cryptography")
    if toys.settings.database:
        pytest.skip("needs a gallery in a file")
    toys.gallery("people", "Ada")
    assert set(people(toys)) == {"Ada"}
    monkeypatch.setenv("MIEN_GALLERY_KEY", "ab" * 32)
    [file] = toys.settings.folder.rglob("*.mien")
    with open_gallery(file, None) as other:
        other.encrypt(bytes.fromhex("ab" * 32))
    assert set(people(toys)) == {"Ada"}
