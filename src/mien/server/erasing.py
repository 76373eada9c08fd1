"""Erasure of a person from everything that a server keeps of its tenant."""

import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from mien.gallery import GuardedGallery
from mien.gallery.receipts import make_key
from mien.server.access import Caller
from mien.server.films import forget_in_films
from mien.server.portraits import portraits_of
from mien.server.state import State
from mien.service import erase_with_receipt

KEY = "receipts.pem"


class ErasureFacts(BaseModel):
    """What an erasure removed, and what may remain."""

    people: int
    templates: int
    refusals: int
    complete: bool = Field(description="all bytes in the files of the gallery are overwritten")
    changed: list[str] = Field(description="other files from which the person was erased")
    remains: list[str] = Field(description="where the person may still be found")
    elsewhere: dict[str, int] = Field(description="what else the server erased, by kind")
    receipt: dict[str, Any] = Field(description="signed; names nobody; for the person to keep")
    person_file: dict[str, Any] | None = Field(
        None, description="for the person alone; it is not kept here"
    )


def erase_person(
    caller: Caller, known: GuardedGallery, name: str, *, person_file: bool
) -> ErasureFacts:
    """Erase one person with a receipt that is signed with the key of the tenant."""
    folder = caller.state.tenants.folder(caller.tenant)
    key = folder / KEY
    if not key.exists():
        make_key(key)
    albums = sorted(folder.glob("albums/*/groups.mien"))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".erase-") as place:
        receipt, private = Path(place, "receipt.json"), Path(place, "person.json")
        done = erase_with_receipt(
            [name], known, receipt, key, person_file=private if person_file else None, also=albums
        )
        signed = json.loads(receipt.read_bytes())
        own = json.loads(private.read_bytes()) if person_file else None
    root = f"{folder}/"
    return ErasureFacts(
        people=done.receipt.people,
        templates=done.receipt.templates,
        refusals=done.receipt.refusals,
        complete=done.receipt.complete,
        changed=[one.replace(root, "") for one in done.changed],
        remains=[one.replace(root, "") for one in done.remains],
        elsewhere={},
        receipt=signed,
        person_file=own,
    )


def forget_elsewhere(
    caller: Caller, gallery: str, names: Sequence[str], templates: Sequence[int]
) -> dict[str, int]:
    """Erase pictures, answers about films and open questions of people who were erased."""
    state = caller.state
    pictures = portraits_of(caller).erase(gallery, templates)
    films = sum(forget_in_films(state, caller.tenant, gallery, name) for name in names)
    known = caller.gallery(gallery)
    there = set(known.engine.names())
    asked = "kind = 'who' AND album IN (SELECT id FROM albums WHERE tenant = ? AND gallery = ?)"
    place = (caller.tenant, gallery)
    questions = _forget_people(state, f"questions WHERE {asked}", place, there)
    events = sum(
        state.store.run(
            "DELETE FROM events WHERE tenant = ? AND (person = ? OR row LIKE '%' || ? || '%')",
            *(caller.tenant, name, json.dumps(name)),
        )
        for name in names
    )
    _forget_people(state, "sightings WHERE tenant = ? AND gallery = ?", place, there)
    state.store.run("DELETE FROM repeats WHERE tenant = ?", caller.tenant)  # answers have names
    return {"pictures": pictures, "films": films, "questions": questions, "events": events}


def _forget_people(state: State, rows: str, values: tuple[str, str], there: Collection[int]) -> int:
    """Delete the rows about people who are not there any more; return how many."""
    with state.store.change():
        found = state.store.all(f"SELECT DISTINCT person FROM {rows}", *values)
        gone = [person for (person,) in found if person not in there]
        query = f"DELETE FROM {rows} AND person = ?"
        return sum(state.store.run(query, *values, person) for person in gone)
