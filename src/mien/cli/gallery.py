"""Commands for galleries: list, show, rename, merge, forget, export, import, check."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli import gallery_calibration, gallery_model, governance, protection, review
from mien.cli.gallery_undo import Undoable, steps, undo
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    DetectorName,
    GalleryPath,
    Who,
    warn_of_size,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.errors import GalleryError
from mien.gallery.duplicates import NEAR
from mien.zoo import DETECTOR

app = typer.Typer(
    no_args_is_help=True, help="List, edit, export and check the people of a gallery."
)
app.add_typer(governance.journal, name="journal")
app.add_typer(governance.consent, name="consent")
app.add_typer(review.quarantine, name="quarantine")
app.add_typer(review.facts, name="facts")
app.add_typer(gallery_model.model, name="model")
app.command()(governance.create)
app.command()(governance.retention)
app.command()(governance.policy)
app.command()(protection.encrypt)
app.command()(protection.rekey)
app.command()(protection.backup)
app.command()(protection.migrate)
app.command()(protection.protect)
app.command()(gallery_calibration.calibrate)
app.command()(protection.keygen)
app.command()(steps)
app.command()(undo)
app.command("prove-erased")(protection.prove_erased)
Name = Annotated[str, typer.Argument(help="Name of a person.")]
Numbers = Annotated[
    list[int], typer.Argument(help="Numbers of templates; see: mien gallery show NAME")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command("list")
def list_people(gallery: GalleryPath = GALLERY, who: Who = None, table: AsTable = False) -> None:
    """List the people of a gallery.

    Example: mien gallery list --gallery family.mien --table
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        people, kind = known.people(), known.settings.kind
    if table:
        rows = [[one.name, one.templates, f"{one.added:%Y-%m-%d}"] for one in people]
        print_table(
            ["person", "templates>", "since"], rows, f"{gallery}, {kind}: {len(people)} people"
        )
        return
    for one in people:
        row = {"person": one.name, "templates": one.templates, "added": str(one.added)}
        print_json_line({**row, "gallery": kind})


@app.command()
def show(
    person: Annotated[
        str | None, typer.Argument(help="Name of a person; default: the gallery itself.")
    ] = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    table: AsTable = False,
) -> None:
    """Show all templates and refused images of one person, or the settings of the gallery.

    Example: mien gallery show Ada --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        if person is None:
            settings = {"gallery": gallery, **governance.facts(known)}
            settings |= gallery_calibration.summary(known)
            for key, what in (("drift", "searches"), ("drift_sharpness", "faces, in sharpness,")):
                drift = settings.get(key) or {}
                if drift.get("alarm"):
                    complain(
                        f"Drift: the last {what} are not like those of the calibration, "
                        f"p = {drift['p']:.2g}. Search for a change of cameras, light or people, "
                        "and calibrate again."
                    )
            if table:
                print_table(["setting", "value"], [list(pair) for pair in settings.items()])
            else:
                print_json_line(settings)
            return
        templates = known.templates(person)
        refused = [one for one in known.refusals() if one.person == person]
        contract = known.embedder
    if table:
        rows = [[one.id, one.source, f"{one.added:%Y-%m-%d}"] for one in templates]
        rows += [["refused", one.source, one.reason] for one in refused]
        print_table(["template", "image", "since / why"], rows, person)
        return
    print_json_line(
        {
            "person": person,
            "embedder": contract,
            "templates": [
                {"id": t.id, "source": t.source, "added": str(t.added), "quality": t.quality}
                for t in templates
            ],
            "refused": [{"source": one.source, "reason": one.reason} for one in refused],
        }
    )


@app.command()
def rename(
    old: Name,
    new: Name,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    undoable: Undoable = False,
) -> None:
    """Rename a person.

    Example: mien gallery rename "Ada King" "Ada Lovelace" --gallery family.mien
    """
    _change(gallery, lambda known: known.rename(old, new, undoable=undoable), who)


@app.command()
def merge(
    source: Name,
    into: Name,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    undoable: Undoable = False,
) -> None:
    """Move all templates of one person to another, and delete the first name.

    Example: mien gallery merge "A. King" Ada --gallery family.mien
    """
    _change(gallery, lambda known: known.merge(source, into, undoable=undoable), who)


@app.command()
def remove(
    templates: Numbers,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    yes: Yes = False,
) -> None:
    """Erase single templates, such as a bad photo, by their numbers.

    Example: mien gallery remove 12 --gallery family.mien
    """
    numbers = ", ".join(map(str, templates))
    _confirm(f"Erase template {numbers} from {gallery} for good?", yes)
    _change(gallery, lambda known: known.remove(*templates), who)


@app.command()
def move(
    templates: Numbers,
    into: Annotated[str, typer.Option("--into", help="Person; created if unknown.")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Move single templates to another person, by their numbers.

    Example: mien gallery move 12 --into Ada --gallery family.mien
    """
    _change(gallery, lambda known: known.move(*templates, into=into), who)


@app.command()
def forget(
    people: Annotated[list[str], typer.Argument(help="Names of people.")],
    gallery: GalleryPath = GALLERY,
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", help="Groups, result file or folder to erase from; repeatable."),
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="Signed receipt to write; it names nobody. Needs --sign.")
    ] = None,
    sign: Annotated[
        Path | None, typer.Option(help="Private key from mien gallery keygen, for --receipt.")
    ] = None,
    person_file: Annotated[
        Path | None,
        typer.Option(help="File to write for the person alone, for mien gallery prove-erased."),
    ] = None,
    who: Who = None,
    yes: Yes = False,
) -> None:
    """Erase people: names, templates, sources, notes, and their bytes in the file.

    Stopped runs are deleted, too. The answer lists where the people may remain.
    Give the receipt and the person file to the person, and keep only the receipt.

    Example: mien gallery forget Ada --gallery family.mien --also results.jsonl --yes
    """
    from mien.gallery import open_gallery
    from mien.service import erase, erase_with_receipt

    if (receipt is None) != (sign is None) or (person_file and not receipt):
        raise GalleryError(
            "--receipt FILE and --sign KEY belong together, and --person-file needs both; make a "
            "key with: mien gallery keygen"
        )
    _confirm(f"Erase {', '.join(people)} from {gallery} for good?", yes)
    with open_gallery(gallery, None, who=who) as known:
        if receipt and sign:
            how: Any = {"person_file": person_file, "also": also or ()}
            done = erase_with_receipt(people, known, receipt, sign, **how)
        else:
            done = erase(people, known, also=also or ())
    rest = {"runs": done.runs, "changed": done.changed, "remains": done.remains}
    print_json_line({"gallery": gallery, **_fields(done.receipt), **rest})
    _require_complete(done.receipt)


@app.command("export")
def export_people(
    target: Annotated[Path, typer.Argument(help="File to write.")],
    gallery: GalleryPath = GALLERY,
    plain: Annotated[
        bool, typer.Option("--plain", help="Also if the gallery is encrypted; the file is not.")
    ] = False,
    who: Who = None,
) -> None:
    """Export a gallery to one portable file: embeddings, names, sources; no images.

    Example: mien gallery export family-2026.zip --gallery family.mien
    """
    from mien.gallery import export_gallery, open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        export_gallery(known, target, plain=plain)
        print_json_line({"out": target, "people": len(known.people()), "templates": len(known)})


@app.command("import")
def import_people(
    source: Annotated[Path, typer.Argument(help="File from mien gallery export.")],
    gallery: GalleryPath = GALLERY,
    merge_names: Annotated[
        bool, typer.Option("--merge", help="Treat equal names as one person; default: refuse.")
    ] = False,
    allow_conflicts: Annotated[
        bool, typer.Option(help="Accept faces and names that are like those of another person.")
    ] = False,
    detector: DetectorName = DETECTOR,
    calibration: CalibrationPath = None,
    who: Who = None,
) -> None:
    """Import an exported file into a gallery: all of its people or none.

    A face that is similar to a known person of another name is a conflict, at the strictest
    threshold of the calibration; so is a name that differs only in capitals or invisible
    characters.

    Example: mien gallery import family-2026.zip --gallery all.mien --merge
    """
    from mien.decision import CalibrationError, find_calibration
    from mien.gallery import (
        ConflictError,
        embedder_of,
        import_gallery,
        open_gallery,
        strictest_limit,
    )

    contract, limit = embedder_of(source), None
    if not allow_conflicts:
        try:
            limit = strictest_limit(find_calibration(contract, detector, path=calibration))
        except CalibrationError as error:
            raise GalleryError(
                f"{error} To import without this check: --allow-conflicts."
            ) from None
    how: Any = {"conflicts": "merge" if merge_names else "refuse", "limit": limit}
    with open_gallery(gallery, contract, create=True, who=who) as known:
        try:
            done = import_gallery(source, known, **how)
        except ConflictError as error:
            for one in error.conflicts:
                row = {"person": one.person, "outcome": "refused", "reason": "conflict"}
                print_json_line({**row, "other": one.other, "score": one.score})
            raise
        warn_of_size(known, detector, calibration)
    print_json_line({"gallery": gallery, **_fields(done)})


@app.command()
def duplicates(
    gallery: GalleryPath = GALLERY,
    fmr: Annotated[
        float,
        typer.Option(help="Two names are one person above the threshold of this false match rate."),
    ] = 1e-4,
    near: Annotated[
        float, typer.Option(help="Similarity above which two templates are of one image.")
    ] = NEAR,
    detector: DetectorName = DETECTOR,
    calibration: CalibrationPath = None,
    who: Who = None,
    table: AsTable = False,
) -> None:
    """Find probable duplicates: two names for one person, and images enrolled twice.

    Nothing is changed: merge people, or remove templates by their numbers.

    Example: mien gallery duplicates --gallery family.mien --table
    """
    from mien.gallery import Limit, open_gallery, repeated_templates, similar_people
    from mien.gallery.watching import calibration_for

    if not 0 < near <= 1:
        raise GalleryError(f"--near {near:g} is not possible: expected a similarity in (0, 1].")
    with open_gallery(gallery, None, read_only=True, who=who) as known, progress() as on_step:
        found = calibration_for(known, detector, calibration)
        limit = Limit(found.at_fmr(fmr).score, found.pair_scores)
        pairs = [("person", pair) for pair in similar_people(known, limit, on_step)]
        pairs += [("image", pair) for pair in repeated_templates(known, near)]
    if table:
        rows = [
            [one.first, one.second, kind, *one.templates, f"{one.score:.2f}"] for kind, one in pairs
        ]
        print_table(["person", "and", "same", "template>", "and>", "score>"], rows)
        return
    for kind, one in pairs:
        print_json_line({"same": kind, **_fields(one)})


@app.command()
def scrub(gallery: GalleryPath = GALLERY) -> None:
    """Overwrite deleted data that remain in the file; forget reports them.

    Example: mien gallery scrub --gallery family.mien
    """
    _change(gallery, lambda known: known.scrub(), None)


@app.command()
def check(gallery: GalleryPath = GALLERY, who: Who = None) -> None:
    """Verify all stored data that have a checksum.

    Example: mien gallery check --gallery family.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        faults = known.check()
        print_json_line({"gallery": gallery, "templates": len(known), "faults": faults})
    if faults:
        raise GalleryError(f"{gallery} is damaged: {faults[0]}")


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _change(gallery: str, change: Any, who: str | None) -> None:
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        receipt = change(known)
    print_json_line({"gallery": gallery, **_fields(receipt)})
    _require_complete(receipt)


def _require_complete(receipt: Any) -> None:
    if not receipt.complete:
        raise GalleryError(f"{receipt.reason}")


def _fields(record: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(record)
