"""Endpoints about copies of a film: blurred, with a preview first, or a clip; made by jobs."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, model_validator

from mien.errors import CancelledError, MienError
from mien.film.annotate import BRIDGE, owners, with_faces, write_blurred
from mien.film.segment_log import read_segments
from mien.media import FilmWriter, encode_image, hide_faces, open_film, thumbnail, write_bytes
from mien.server.access import Reviewer
from mien.server.films import SEGMENTS, file_of, folder, row_of
from mien.server.galleries import Body
from mien.server.jobs import Job, JobFacts, Jobs, facts
from mien.server.openapi import pictures
from mien.server.problems import ApiError, absent
from mien.server.state import State
from mien.service import Run, identify
from mien.types import FilmAnswer, Identity

router = APIRouter(prefix="/v1/films/{film}/copies", tags=["films"])
KIND, FOLDER, EVERY_FRAME = "copy", "copies", "blur.log"
NAME = re.compile(r"blurred\.mp4|preview-[0-9]\.jpg|clip-[0-9]+-[0-9]+\.mp4")
PREVIEWS, SIDE, QUALITY = 6, 960, 85  # pictures; px of the longer side; of the JPEG
LONGEST = 600.0  # s of a clip
KINDS = {".mp4": "video/mp4", ".jpg": "image/jpeg"}
Hidden = Callable[[Identity | None], bool]


class NewCopy(Body):
    """A copy to make."""

    kind: Literal["preview", "blurred", "clip"] = Field(
        description="preview: six blurred frames; blurred: the whole film; clip: a part of it"
    )
    who: Literal["all", "unknown"] | list[str] = Field(
        "all", description="who is blurred: all faces, all without a name, or these people"
    )
    start: float = Field(0.0, ge=0, description="of a clip, seconds")
    end: float = Field(0.0, ge=0, description="of a clip, seconds; at most 600 s after its start")

    @model_validator(mode="after")
    def _span(self) -> "NewCopy":
        if self.kind == "clip" and not 0 < self.end - self.start <= LONGEST:
            raise ValueError(f"a clip has more than 0 and at most {LONGEST:g} s")
        return self


class CopyFacts(BaseModel):
    """A file that a job made of a film."""

    name: str
    bytes: int


class Copies(BaseModel):
    """The copies of a film, and the latest job."""

    job: JobFacts | None
    items: list[CopyFacts]


@router.post("", status_code=202)
def make_copy(film: str, body: NewCopy, caller: Reviewer) -> JobFacts:
    """Make a copy of an identified film as a job; a preview shows first what will be blurred."""
    row = row_of(caller, film)
    if row[5] is None and body.kind != "clip":
        raise ApiError(409, "not-ready", "The film is not identified yet; see its job.")
    jobs = Jobs(caller.state.store)
    last = jobs.about(caller.tenant, row[0], "film")
    spec = {**(last[0].spec if last else {}), **body.model_dump(), "asked_by": caller.who}
    return facts(jobs.submit(caller.tenant, KIND, row[0], spec))


@router.get("")
def list_copies(film: str, caller: Reviewer) -> Copies:
    """List the copies of a film, and the progress of the latest job."""
    number = row_of(caller, film)[0]
    jobs = Jobs(caller.state.store).about(caller.tenant, number, KIND)
    files = sorted((folder(caller.state, caller.tenant, number) / FOLDER).glob("*"))
    return Copies(
        job=facts(jobs[0]) if jobs else None,
        items=[
            CopyFacts(name=file.name, bytes=file.stat().st_size)
            for file in files
            if NAME.fullmatch(file.name)
        ],
    )


@router.get(
    "/{copy_name}",
    response_class=FileResponse,
    responses=pictures("The file.", tuple(KINDS.values())),
)
def copy_file(
    film: str, copy_name: Annotated[str, Field(max_length=60)], caller: Reviewer
) -> FileResponse:
    """Return a copy."""
    number = row_of(caller, film)[0]
    path = folder(caller.state, caller.tenant, number) / FOLDER / copy_name
    if not NAME.fullmatch(copy_name) or not path.exists():
        raise absent(f"Copy {copy_name!r}")
    return FileResponse(path, media_type=KINDS[path.suffix], headers={"Cache-Control": "no-store"})


def copy_job(state: State, job: Job, run: Run) -> None:
    """Make a copy of a film."""
    row = state.store.one("SELECT gallery FROM films WHERE id = ?", job.subject)
    if row is None:
        raise CancelledError("The film was deleted.")
    place, spec = folder(state, job.tenant, job.subject), job.spec
    path, out = file_of(place), place / FOLDER
    out.mkdir(exist_ok=True, mode=0o700)
    if spec["kind"] == "clip":
        write_clip(path, out, spec["start"], spec["end"], run)
        return
    known = state.tenants.open(
        job.tenant, row[0], who=spec["asked_by"], purpose=spec.get("purpose")
    )
    pipeline = state.pipelines.searching(known, spec.get("rate", 0.01))
    preview = spec["kind"] == "preview"
    log = place / (SEGMENTS if preview else EVERY_FRAME)  # to blur, every frame is searched
    every = spec.get("every", 0.1) if preview else 0.0
    [found] = identify([str(path)], pipeline, every=every, keep=log, run=run)
    if found.film is None:
        raise MienError("The film cannot be read.")
    if found.film.reason == "interrupted":
        raise CancelledError("The job was interrupted.")
    hidden = hides(spec["who"])
    if preview:
        write_previews(path, log, out, found.film, hidden)
        return
    part = out / "part.mp4"
    write_blurred(path, read_segments(log), found.film, part, hidden, on_step=run.step)
    part.replace(out / "blurred.mp4")
    log.unlink(missing_ok=True)


def hides(who: str | list[str]) -> Hidden:
    """Return whether a person is blurred; faces of nobody are blurred unless names are given."""
    if who == "all":
        return lambda person: True
    if who == "unknown":
        return lambda person: (
            not (person and person.decision and person.decision.outcome == "match")
        )
    return lambda person: person is not None and person.person in who


def write_previews(path: Path, log: Path, out: Path, answer: FilmAnswer, hidden: Hidden) -> None:
    """Write some frames with blurred faces: spread over the appearances of those hidden."""
    owner = owners(answer)
    shown = {person.person for person in answer.people if hidden(person)}
    middles = sorted(
        (one.start + one.end) / 2 for one in answer.appearances if one.person in shown or not shown
    )
    for old in out.glob("preview-*.jpg"):
        old.unlink()
    step = max(1, -(-len(middles) // PREVIEWS))
    for number, time in enumerate(middles[::step][:PREVIEWS]):
        near = (
            replace(
                segment, frames=tuple(f for f in segment.frames if abs(f.time - time) <= 2 * BRIDGE)
            )
            for segment in read_segments(log)
        )
        with open_film(path) as film:
            frames = film.frames(start=time, end=time + BRIDGE)
            frame = next(frames, None)
        if frame is None:
            continue
        [(_, faces)] = with_faces([frame], near, hold=0.5)
        boxes = [face.box for face in faces if hidden(owner.get(face.track))]
        write_bytes(
            out / f"preview-{number}.jpg",
            encode_image(thumbnail(hide_faces(frame.image, boxes), SIDE), "jpeg", QUALITY),
        )


def write_clip(path: Path, out: Path, start: float, end: float, run: Run) -> None:
    """Write the frames of a part of a film; without sound, as that cannot be cut by frames."""
    name = out / f"clip-{round(start * 1000)}-{round(end * 1000)}.mp4"
    total = round(end - start)
    with open_film(path) as film, FilmWriter(name) as writer:
        for frame in film.frames(start=start, end=end):
            writer.add(frame.image, frame.time - start)
            run.step("clip", round(frame.time - start), total)
    if not name.exists():
        raise MienError("The film has no frame in this part.")
