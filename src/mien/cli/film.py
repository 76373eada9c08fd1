"""What `mien identify` does with a film."""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mien.cli.options import Lines
from mien.cli.terminal import STOPPED, complain, print_table, progress
from mien.errors import FilmError, MienError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mien.photo import Pipeline
    from mien.types import FilmAnswer, Identity

FORGOTTEN = 7 * 24 * 3600.0  # s that the looks of a stopped run wait; they hold vectors of faces


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made of a film."""

    every: float
    draw: Path | None  # folder for the marked film
    blur: str | None  # who is hidden; None: no blurred film
    tables: Path | None  # folder for JSON, CSV, chapters and the sheet
    report: Path | None
    looks: Path | None  # journal that is kept; None: one that is deleted when done


def films_in(sources: list[str]) -> list[str]:
    """The films among the sources; films and pictures do not mix in one run."""
    from mien.media import is_film

    films = [source for source in sources if is_film(source)]
    if films and len(films) < len(sources):
        raise MienError("Films and pictures were named together; run the command for each kind.")
    return films


def identify_films(
    films: list[str], pipeline: "Pipeline", wanted: Wanted, lines: Lines, table: bool
) -> int:
    """Look through films and write what was asked for; give how many could not be opened."""
    from mien.report.film_files import film_row

    if len(films) > 1 and (wanted.report or wanted.looks or wanted.tables):
        raise MienError("--report, --tables and --looks take one film at a time; name one film.")
    _check(wanted)
    rows: list[list[Any]] = []
    row: dict[str, Any] = {}
    failed = 0
    for film in films:
        row = {"film": film}
        try:
            answer = _one(film, pipeline, wanted)
            row = film_row(answer, film)
            rows += _rows(film, answer)
        except FilmError as error:
            complain(str(error))
            row["error"] = str(error)
            failed += 1
        if not table or lines.in_file:
            lines.write(row)
        if row.get("reason") == "interrupted":
            break
    if table:
        print_table(["film", "person", "answer", "seconds>", "when"], rows)
    if row.get("reason") == "interrupted":
        raise typer.Exit(STOPPED)
    return failed


def _rows(film: str, answer: "FilmAnswer") -> list[list[Any]]:
    """The rows of --table about one film; its name stands in the first."""
    rows: list[list[Any]] = [
        ["", person.person, _outcome(person), f"{person.seconds:.1f}", _when(answer, person)]
        for person in answer.people
    ] or [["", None, answer.reason or "no face", None, None]]
    rows[0][0] = Path(film).name
    return rows


def _one(film: str, pipeline: "Pipeline", wanted: Wanted) -> "FilmAnswer":
    from mien.film import identify_film
    from mien.media.film import REASONS

    every = 0.0 if wanted.blur else wanted.every  # a blur may leave out no frame
    journal = wanted.looks or _journal(film, pipeline, every)
    with progress() as on_step:
        answer = identify_film(film, pipeline, every=every, journal=journal, on_step=on_step)
        if not answer.complete:
            complain(f"{film}: {answer.reason}. {REASONS[answer.reason or '']}")
            complain(f"looked at {answer.seconds:.1f} s; what follows is about them.")
        elif answer.reason:
            complain(f"{film}: {answer.reason}. {REASONS[answer.reason]}")
        _write(film, answer, pipeline, wanted, journal, on_step)
    if answer.complete and not wanted.looks:
        journal.unlink()
    return answer


def _write(
    film: str,
    answer: "FilmAnswer",
    pipeline: "Pipeline",
    wanted: Wanted,
    journal: Path,
    on_step: Any,
) -> None:
    from mien.film.annotate import write_blurred, write_marked
    from mien.film.segment_log import read_segments
    from mien.report.film import portraits, write_film
    from mien.report.film_files import write_tables

    if wanted.report or wanted.tables:
        pictures = portraits(film, answer)
        if wanted.tables:
            write_tables(wanted.tables, answer, film, pictures)
        if wanted.report:
            write_film(wanted.report, film, answer, pipeline, pictures)
            complain(f"report written: {wanted.report}")
    if not wanted.draw or answer.reason == "interrupted":
        return
    wanted.draw.mkdir(parents=True, exist_ok=True)
    name = wanted.draw / f"{Path(film).stem}.{'blurred' if wanted.blur else 'marked'}.mp4"
    if wanted.blur:
        hidden = _hidden(wanted.blur, answer)
        write_blurred(film, read_segments(journal), answer, name, hidden, on_step=on_step)
    else:
        write_marked(film, read_segments(journal), answer, name, on_step=on_step)
    complain(f"film written: {name}")


def _hidden(who: str, answer: "FilmAnswer") -> "Callable[[Identity | None], bool]":
    """Whether a person is to be blurred; faces that are nobody's are, unless names were given."""
    if who == "all":
        return lambda person: True
    if who == "unknown":
        return lambda person: _outcome(person) != "match" if person else True
    names = {name.strip() for name in who.split(",")}
    strangers = names - {person.person for person in answer.people}
    if strangers:
        raise FilmError(
            f"{', '.join(sorted(strangers))}: nobody of that name is in the film, so a film with "
            f"them blurred was not written. It shows: "
            f"{', '.join(person.person for person in answer.people) or 'nobody'}."
        )
    return lambda person: person is not None and person.person in names


def _check(wanted: Wanted) -> None:
    if wanted.blur and not wanted.draw:
        raise MienError("--blur needs --draw FOLDER: the folder that the blurred film goes to.")
    if wanted.report and wanted.report.suffix.lower() not in {".html", ".htm"}:
        raise MienError(f"{wanted.report} is no name for a report; end it in .html.")


def _journal(film: str, pipeline: "Pipeline", every: float) -> Path:
    """Where the looks of this film wait for the run that goes on with them."""
    from mien.zoo import home

    path = Path(film)
    status = path.stat() if path.is_file() else None
    facts = [str(path.resolve()), status and [status.st_size, status.st_mtime_ns]]
    key = hashlib.sha256(json.dumps([facts, pipeline.models, every]).encode()).hexdigest()[:16]
    folder = home() / "films"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for old in folder.glob("*.looks"):  # of runs that nobody went on with
        if time.time() - old.stat().st_mtime > FORGOTTEN:
            old.unlink(missing_ok=True)
    return folder / f"{key}.looks"


def _outcome(person: "Identity | None") -> str:
    return person.decision.outcome if person and person.decision else "unknown"


def _when(answer: "FilmAnswer", person: "Identity") -> str:
    from mien.report.film import clock

    mine = [one for one in answer.appearances if one.person == person.person]
    spans = [f"{clock(one.start)}-{clock(one.end)}" for one in mine]
    return " ".join(spans[:6]) + (f" and {len(spans) - 6} more" if len(spans) > 6 else "")
