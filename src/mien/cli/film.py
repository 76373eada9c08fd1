"""Results of `mien identify` for a film: rows, tables, a report, an annotated or blurred copy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien.cli.terminal import complain
from mien.errors import FilmError, MienError

if TYPE_CHECKING:
    from mien.photo import Pipeline
    from mien.service.identification import Identified
    from mien.types import FilmAnswer, Identity, OnStep


@dataclass(frozen=True, slots=True)
class FilmOutputs:
    """The files to write for each film, in addition to its row."""

    draw: Path | None  # folder for the annotated film
    blur: str | None  # people to blur; None: no blurred film
    tables: Path | None  # folder for JSON, CSV, chapters and the contact sheet
    report: Path | None
    alone: bool  # the only source: report and tables get the requested names

    def __post_init__(self) -> None:
        if self.blur and not self.draw:
            raise MienError(
                "--blur needs --draw FOLDER, the folder that the blurred film is written to."
            )

    def write(self, found: "Identified", pipeline: "Pipeline", on_step: "OnStep") -> None:
        """Write the requested files for one film."""
        from mien.report.film import portraits, write_film
        from mien.report.film_files import write_tables

        answer, stem = found.film, Path(found.source).stem
        assert answer is not None
        if self.report or self.tables:
            pictures = portraits(found.source, answer)
            if self.tables:
                folder = self.tables if self.alone else self.tables / stem
                write_tables(folder, answer, found.source, pictures)
            if self.report:
                page = (
                    self.report
                    if self.alone
                    else self.report.with_stem(f"{self.report.stem}-{stem}")
                )
                write_film(page, found.source, answer, pipeline, pictures)
                complain(f"report written: {page}")
        if self.draw and answer.reason != "interrupted":
            self._annotate(found, answer, on_step)

    def _annotate(self, found: "Identified", answer: "FilmAnswer", on_step: "OnStep") -> None:
        from mien.film.annotate import write_blurred, write_marked
        from mien.film.segment_log import read_segments

        assert self.draw is not None
        assert found.segments is not None
        self.draw.mkdir(parents=True, exist_ok=True)
        segments = read_segments(found.segments)
        kind = "blurred" if self.blur else "marked"
        name = self.draw / f"{Path(found.source).stem}.{kind}.mp4"
        if self.blur:
            hidden = _hidden(self.blur, answer)
            write_blurred(found.source, segments, answer, name, hidden, on_step=on_step)
        else:
            write_marked(found.source, segments, answer, name, on_step=on_step)
        complain(f"film written: {name}")


def complain_incomplete(film: str, answer: "FilmAnswer") -> None:
    """Report why results of a film may be incomplete."""
    from mien.media.film import REASONS

    if answer.reason:
        complain(f"{film}: {answer.reason}. {REASONS[answer.reason]}")
    if not answer.complete:
        complain(f"{answer.seconds:.1f} s were analysed; the results describe these only.")


def film_rows(film: str, answer: "FilmAnswer") -> list[list[Any]]:
    """Return the rows of --table for one film; the first has its name."""
    rows: list[list[Any]] = [
        ["", person.person, _outcome(person), f"{person.seconds:.1f}", _when(answer, person)]
        for person in answer.people
    ] or [["", None, answer.reason or "no face", None, None]]
    rows[0][0] = Path(film).name
    return rows


def _hidden(who: str, answer: "FilmAnswer") -> Callable[["Identity | None"], bool]:
    """Return a test for people to blur; unassigned faces are blurred unless names are given."""
    if who == "all":
        return lambda person: True
    if who == "unknown":
        return lambda person: _outcome(person) != "match" if person else True
    names = {name.strip() for name in who.split(",")}
    strangers = names - {person.person for person in answer.people}
    if strangers:
        raise FilmError(
            f"{', '.join(sorted(strangers))}: no such person in the film, so no blurred copy was "
            f"written. People in the film: "
            f"{', '.join(person.person for person in answer.people) or 'none'}."
        )
    return lambda person: person is not None and person.person in names


def _outcome(person: "Identity | None") -> str:
    return person.decision.outcome if person and person.decision else "unknown"


def _when(answer: "FilmAnswer", person: "Identity") -> str:
    from mien.report.film import clock

    mine = [one for one in answer.appearances if one.person == person.person]
    spans = [f"{clock(one.start)}-{clock(one.end)}" for one in mine]
    return " ".join(spans[:6]) + (f" and {len(spans) - 6} more" if len(spans) > 6 else "")
