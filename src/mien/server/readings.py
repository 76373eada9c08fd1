"""Endpoints about readings: what the faces of a film show over time, measured as a job."""

import json
import math
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from mien.errors import CancelledError, MienError
from mien.export import Wish, export
from mien.server.access import Caller, Reviewer
from mien.server.face_points import FILE as POINTS_FILE
from mien.server.face_points import split_points
from mien.server.faces import Purpose
from mien.server.films import file_of, folder, row_of
from mien.server.jobs import Job, JobFacts, Jobs, facts
from mien.server.problems import ApiError, absent
from mien.server.rows import moment
from mien.server.state import State
from mien.service import Run
from mien.service.analysis import STOPPED
from mien.zoo import card_of_contract

router = APIRouter(prefix="/v1/films/{film}/readings", tags=["readings"])
KIND = "analysis"  # of jobs
# Beside a film: rows of a run under way; the table of the last one.
ROWS, TABLE = "readings", "readings.parquet"
MOST, POINTS = 40, 20_000  # columns and times of one answer
HIDDEN = {"keys", "boxes", "points", "landmarks", "quality"}  # groups that are no measure


class Measured(BaseModel):
    """One column of the table."""

    name: str
    unit: str
    group: str = Field(description="measures of one kind, or the task of a head")
    about: str = Field(description="sign, frame of reference, when a value is missing")
    low: str | None = Field(description="column of the lower end of its interval")
    high: str | None


class Seen(BaseModel):
    """One person of the table."""

    who: str
    first: float = Field(description="seconds")
    last: float
    frames: int
    measured: int = Field(description="frames of which all measures exist")


class Event(BaseModel):
    """One facial event, such as a blink."""

    who: str
    kind: str
    onset: float
    apex: float
    offset: float


class Readings(BaseModel):
    """What was measured in a film."""

    job: JobFacts | None
    made: str | None = Field(description="when the table was written; None before the first run")
    seconds: float | None
    people: list[Seen]
    columns: list[Measured]
    events: list[Event]


class Series(BaseModel):
    """Columns of one person over time; a missing value is null, and `reasons` says why."""

    rows: int = Field(description="of this person; at most 20,000, evenly chosen, are in `times`")

    times: list[float]
    reasons: list[str]
    values: dict[str, list[float | None]]


@router.post("", status_code=202)
def analyze_film(
    film: str,
    caller: Reviewer,
    every: Annotated[
        float, Form(ge=0, le=60, description="Seconds between two readings of heads; 0: all.")
    ] = 0.2,
    purpose: Purpose = None,
) -> JobFacts:
    """Measure what the faces of a film show, as a job. The gallery of the film names them."""
    number, gallery, *_ = row_of(caller, film)
    caller.gallery(gallery, purpose)
    spec = {"every": every, "purpose": purpose, "who": caller.who}
    return facts(Jobs(caller.state.store).submit(caller.tenant, KIND, number, spec))


@router.get("")
def list_readings(film: str, caller: Reviewer) -> Readings:
    """List people, columns and events of the table, or the progress of its job."""
    number = row_of(caller, film)[0]
    jobs = Jobs(caller.state.store).about(caller.tenant, number, KIND)
    job = facts(jobs[0]) if jobs else None
    path = table_of(caller, number)
    if not path.exists():
        return Readings(job=job, made=None, seconds=None, people=[], columns=[], events=[])
    table = read(caller, number, only=())
    names = table.columns.keys()
    return Readings(
        job=job,
        made=moment(path.stat().st_mtime),
        seconds=_plain(table.data["time"].max()),
        people=[Seen(**{k: row[k] for k in Seen.model_fields}) for row in _rows(table.people)],
        columns=[
            Measured(
                name=name,
                unit=column.unit,
                group=column.group,
                about=column.about,
                low=f"{name}_lo" if f"{name}_lo" in names else None,
                high=f"{name}_hi" if f"{name}_hi" in names else None,
            )
            for name, column in table.columns.items()
            if column.group not in HIDDEN and not name.endswith(("_lo", "_hi"))
        ],
        events=[Event(**{k: row[k] for k in Event.model_fields}) for row in _rows(table.events)],
    )


@router.get("/series")
def series(
    film: str,
    caller: Reviewer,
    who: Annotated[str, Query(description="A person of the list.")],
    column: Annotated[list[str], Query(description="Columns of the list.", max_length=MOST)],
) -> Series:
    """Show columns of one person over time."""
    table = read(caller, row_of(caller, film)[0], only=column)
    unknown = [name for name in column if name not in table.columns]
    if unknown:
        raise absent(f"Column {unknown[0][:60]!r}")
    mine = table.data[table.who == who].sort_values("time")
    if not len(mine):
        raise absent(f"Person {who[:60]!r}")
    rows = len(mine)
    mine = mine.iloc[:: -(-rows // POINTS)]
    return Series(
        rows=rows,
        times=[round(float(time), 3) for time in mine["time"]],
        reasons=[str(reason) for reason in mine["reason"]],
        values={name: [_plain(value) for value in mine[name]] for name in column},
    )


@router.get("/table", response_class=FileResponse)
def download(
    film: str,
    caller: Reviewer,
    form: Annotated[
        Literal["parquet", "csv", "elan"], Query(description="Format of the file.")
    ] = "csv",
) -> FileResponse:
    """Return the whole table with the units of its columns, or events as ELAN tiers."""
    row = row_of(caller, film)
    path = table_of(caller, row[0])
    name = Path(row[2]).stem
    if form == "elan":
        return _elan(read(caller, row[0], only=()), path, row[2])
    if form == "parquet":
        read(caller, row[0], only=())  # whether it is there, and a table
    else:
        table = read(caller, row[0])
        path = path.with_suffix(".csv")
        table.save(path)
    return FileResponse(path, filename=f"{name}.{form}", headers={"Cache-Control": "no-store"})


def _elan(table: Any, path: Path, film: str) -> FileResponse:
    """Return who is in view and the facial events of a table as an ELAN file."""
    people = [("enter", one["first"], one["who"]) for one in _rows(table.people)]
    people += [("exit", one["last"], one["who"]) for one in _rows(table.people)]
    rows: list[dict[str, Any]] = [{"kind": "start", "source": film, "time": 0.0}]
    rows += [{"kind": k, "time": at, "person": who} for k, at, who in sorted(people, key=_by_time)]
    rows += [{"row": "event", "input": film, **one} for one in _rows(table.events)]
    with tempfile.TemporaryDirectory(dir=path.parent) as place:
        export(rows, [Wish("eaf", Path(place))])
        [made] = Path(place).glob("*.eaf")
        made = made.replace(path.with_suffix(".eaf"))
    headers = {"Cache-Control": "no-store"}
    return FileResponse(made, filename=f"{Path(film).stem}.eaf", headers=headers)


def _by_time(one: tuple[str, float, str]) -> float:
    return one[1]


def table_of(caller: Caller, film: str) -> Path:
    """Return the path of the table of a film."""
    return folder(caller.state, caller.tenant, film) / TABLE


def read(caller: Caller, film: str, only: Collection[str] | None = None) -> Any:
    """Return the table of a film, with some of its columns; raise 409 before its first job."""
    from mien.tables import Table

    path = table_of(caller, film)
    if not path.exists():
        raise ApiError(409, "not-ready", "The film is not analysed yet; see its job.")
    return Table.read(path, only)


def analyze_job(state: State, job: Job, run: Run) -> None:
    """Measure the faces of a film, and store the table; a later job resumes from its rows."""
    from mien.film import open_analyzer
    from mien.service import analyze
    from mien.tables import require

    require()
    row = state.store.one("SELECT gallery, name FROM films WHERE id = ?", job.subject)
    if row is None:
        raise CancelledError("The film was deleted.")
    place, settings = folder(state, job.tenant, job.subject), state.settings
    path, (gallery, name) = file_of(place), row
    known = state.tenants.open(
        job.tenant, gallery, who=job.spec["who"], purpose=job.spec["purpose"]
    )
    analyzer = open_analyzer(
        every=job.spec["every"],
        points="68",
        gallery=known,
        detector=settings.detector,
        embedder=card_of_contract(known.embedder) or settings.embedder,
        device=settings.device,
        commercial_only=settings.commercial_only,
    )
    table = analyze([str(path)], analyzer, folder=place / ROWS, run=run)
    [reason] = table.recordings["reason"]
    if reason in STOPPED:
        raise CancelledError("The job was interrupted.")
    if reason == "unreadable":
        raise MienError(f"{name} cannot be read as a film.")
    split_points(_renamed(table, str(path), name), place / POINTS_FILE).save(place / TABLE)
    state.tenants.delete(job.tenant, "films", job.subject, ROWS)


def _renamed(table: Any, path: str, name: str) -> Any:
    """Return the table of a film under the name that it was uploaded with: no server paths."""
    frames = {
        part: getattr(table, part).assign(input=name) for part in ("data", "events", "recordings")
    }
    facts = json.loads(json.dumps(table.facts).replace(json.dumps(path)[1:-1], name))
    return replace(table, **frames, facts=facts)


def _rows(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records"))
    return rows


def _plain(value: Any) -> float | None:
    number = float(value)
    return None if math.isnan(number) else float(f"{number:.5g}")
