"""The job that groups the faces of an album, and asks people about what is uncertain."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mien.albums import Groups
from mien.albums.groups import Group
from mien.errors import CancelledError, ImageError, MienError
from mien.gallery import GuardedGallery
from mien.media import find_images, read_image
from mien.photo import Pipeline
from mien.server.albums import FACES, FILE, PHOTOS
from mien.server.jobs import Job
from mien.server.portraits import face_picture
from mien.server.state import State
from mien.service import Run, group_photos
from mien.types import Face, Floats

OTHERS = 5  # people whom a question proposes beside the most similar one


def group_album(state: State, job: Job, run: Run) -> None:
    """Group the faces of an album; store pictures of faces, and questions."""
    row = state.store.one("SELECT gallery FROM albums WHERE id = ?", job.subject)
    if row is None:
        raise CancelledError("The album was deleted.")
    place = state.tenants.folder(job.tenant, "albums", job.subject)
    photos = list(find_images([place / PHOTOS])) if (place / PHOTOS).exists() else []
    if not photos:
        raise MienError("The album has no photos yet; upload some first.")
    purpose = job.spec["purpose"]
    known = state.tenants.open(job.tenant, row[0], who=job.spec["who"], purpose=purpose)
    pipeline = state.pipelines.searching(known)
    assert pipeline.embedder is not None
    made_by = (pipeline.embedder.contract, pipeline.detector.name)
    with Groups(place / FILE, made_by=made_by, read_only=False) as groups:
        change, _ = group_photos(photos, pipeline, groups, run.step, mixed=job.spec["mixed"])
        found = groups.groups()
        store_faces(place / FACES, found, run)
    threshold = pipeline.calibrated().at_fmr(1e-4).score
    same = [(min(a, b), max(a, b), score, threshold) for a, b, score in change.undecided]
    searched = purpose is not None or not known.settings.governed
    ask(state, job, same, who(found, pipeline) if searched else [], known)


def store_faces(place: Path, groups: Sequence[Group], run: Run) -> None:
    """Store a picture of each face that has none yet; each photo is decoded once."""
    place.mkdir(exist_ok=True, mode=0o700)
    missing: dict[str, list[tuple[int, Floats]]] = {}
    for group in groups:
        for face in group.faces:
            if not (place / f"{face.id}.jpg").exists():
                missing.setdefault(face.paths[0], []).append((face.id, face.box))
    for done, (path, faces) in enumerate(missing.items()):
        run.step("pictures", done, len(missing))
        try:
            image = read_image(path)
        except ImageError:  # it was deleted meanwhile; its faces go with the next run
            continue
        for number, box in faces:
            (place / f"{number}.jpg").write_bytes(face_picture(image, box))


Named = tuple[int, str, float, float, list[str]]  # group, name, score, threshold, who else


def who(groups: Sequence[Group], pipeline: Pipeline) -> list[Named]:
    """Return groups without a name that may be a person of the gallery."""
    search, found = pipeline.search(), []
    if search is None or not search.gallery.enrolled():
        return []
    for group in groups:
        if group.name is not None:
            continue
        mean = np.stack([face.vector for face in group.faces]).mean(axis=0)
        best = group.faces[0]
        face = Face(best.box, 1.0, best.points, embedding=best.vector)
        [decision] = search(mean[None], [face])
        if decision.outcome != "unknown" and decision.likely and decision.basis:
            others = [one.person for one in decision.candidates if one.person != decision.likely]
            scores = decision.score or 0.0, decision.basis.threshold
            found.append((group.id, decision.likely, *scores, others[:OTHERS]))
    return found


def ask(
    state: State,
    job: Job,
    same: Sequence[tuple[int, int, float, float]],
    named: Sequence[Named],
    known: GuardedGallery,
) -> None:
    """Replace the open questions of an album; those that were answered are not asked again."""
    numbers = {name: n for n, name in known.engine.names().items()}
    insert = (
        "INSERT INTO questions "
        "(tenant, album, kind, first, second, person, score, threshold, others) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    )
    with state.store.change():
        state.store.run("DELETE FROM questions WHERE album = ? AND answer IS NULL", job.subject)
        for first, second, score, threshold in same:
            values = ("same", first, second, 0, score, threshold, "[]")
            state.store.run(insert, job.tenant, job.subject, *values)
        for group, name, score, threshold, others in named:
            ids = json.dumps([numbers[one] for one in others if one in numbers])
            values = ("who", group, 0, numbers[name], score, threshold, ids)
            state.store.run(insert, job.tenant, job.subject, *values)
