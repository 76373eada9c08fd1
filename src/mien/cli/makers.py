"""Commands that run makers and audits by their cards: make, audit."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.eval.options import AsTable, Processor, Report, command, print_findings
from mien.cli.options import check_report
from mien.cli.terminal import complain, print_json_line, print_table, progress

if TYPE_CHECKING:
    from mien.zoo import Card

RESTORER, EDITOR = "restore-unet", "edit-face"  # cards behind the short forms
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="KEY=VALUE; may be given several times.", show_default=False),
]
ListOnly = Annotated[
    bool, typer.Option("--list", help="Print the settings and their defaults, and stop.")
]
Inputs = Annotated[list[Path] | None, typer.Argument(help="Input files.", show_default=False)]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="File to write; a folder for several results.")
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        "--sheet",
        help="HTML file with thumbnails of all inputs and results.",
        show_default=False,
    ),
]
NoMark = Annotated[
    bool,
    typer.Option("--no-mark", help="Do not write 'synthetic' (or edited, restored) into pictures."),
]
CommercialOnly = Annotated[
    bool,
    typer.Option("--commercial-only", help="Refuse weights not licensed for commercial use."),
]


Restorer = Annotated[
    str, typer.Option("--model", help="Restorer: a card, or a run folder of mien train.")
]


def make(
    name: Annotated[str, typer.Argument(help="Card of the maker; see: mien models list")],
    inputs: Inputs = None,
    out: Out = Path("made"),
    settings: Settings = None,
    sheet: Sheet = None,
    no_mark: NoMark = False,
    device: Processor = "cpu",
    commercial_only: CommercialOnly = False,
    list_only: ListOnly = False,
    table: AsTable = False,
) -> None:
    """Run a maker on files: restore, edit, animate or synthesise.

    One line per result is printed. Each result has a visible mark, provenance in
    its metadata, and a file NAME.provenance.json. Existing results are skipped.

    Example: mien make photo-puppet me.jpg --set units=AU12:0.8 --out smile.png
    """
    from mien.zoo import find

    if list_only:
        _print_settings(find(name), table)
        return
    how = (settings or [], not no_mark, device, commercial_only)
    _make(name, inputs or [], out, *how, sheet)


def restore(
    inputs: Inputs = None,
    out: Out = Path("restored"),
    model: Restorer = RESTORER,
    settings: Settings = None,
    sheet: Sheet = None,
    no_mark: NoMark = False,
    device: Processor = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Restore faces in photos taken in rain, snow or fog, or that are blurred or too small.

    A restored face is a plausible guess, not evidence. It is marked, never
    enrolled, and never identified without review. Larger networks that invent
    more: --model gfpgan or codeformer. This is the short form of: mien make.

    Example: mien restore foggy.jpg --out clear.png --sheet before-after.html
    """
    how = (settings or [], not no_mark, device, commercial_only)
    _make(model, inputs or [], out, *how, sheet)


def enhance(
    inputs: Inputs = None,
    out: Out = Path("enhanced"),
    scale: Annotated[int, typer.Option(help="Times as wide and high.", min=2, max=4)] = 4,
    model: Restorer = RESTORER,
    settings: Settings = None,
    sheet: Sheet = None,
    no_mark: NoMark = False,
    device: Processor = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Enlarge photos with small faces, and restore the faces.

    The rest of the photo is enlarged by bicubic interpolation, or by the network
    of --model real-esrgan. The same warnings apply as for: mien restore.

    Example: mien enhance small.jpg --scale 4 --out large.png
    """
    how = ([f"scale={scale}", *(settings or [])], not no_mark, device, commercial_only)
    _make(model, inputs or [], out, *how, sheet)


def edit(
    inputs: Inputs = None,
    out: Out = Path("edited"),
    model: Annotated[
        str, typer.Option("--model", help="Editor: a run folder of mien train edit-face.")
    ] = EDITOR,
    settings: Settings = None,
    sheet: Sheet = None,
    no_mark: NoMark = False,
    device: Processor = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Edit the largest face of photos: a smile, or a lighter or darker skin tone.

    An editor that you trained also changes its attributes: --model RUN_FOLDER
    --set attributes=senior:1. Those who are shown must have agreed. An edited
    face is marked and never enrolled. This is the short form of: mien make
    edit-face.

    Example: mien edit me.jpg --set smiling=1 --out smile.png
    """
    how = (settings or [], not no_mark, device, commercial_only)
    _make(model, inputs or [], out, *how, sheet)


def _make(
    name: str,
    inputs: list[Path],
    out: Path,
    settings: list[str],
    mark: bool,
    device: str,
    commercial_only: bool,
    sheet: Path | None,
) -> None:
    """Run a maker under progress bars, print a line per result, and write the sheet."""
    from mien.service import MadeItem
    from mien.service import make as run

    check_report(sheet)
    done: list[MadeItem] = []
    with progress() as on_step:
        items = run(
            name,
            inputs,
            out,
            settings=settings,
            mark=mark,
            device=device,
            commercial_only=commercial_only,
            on_step=on_step,
        )
        for item in items:
            done.append(item)
            if item.error:
                complain(item.error)
            print_json_line(
                {
                    "maker": name,
                    "inputs": item.inputs,
                    "files": item.files,
                    "skipped": item.skipped,
                    "notes": item.notes,
                    "error": item.error or None,
                }
            )
    if sheet:
        from mien.report.made_sheet import write_made_sheet

        write_made_sheet(sheet, done, name)
    if any(item.error for item in done):
        raise typer.Exit(1)


def audit(
    name: Annotated[str, typer.Argument(help="Card of the audit; see: mien models list")],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of labelled images; default: noise, if no labels are needed.",
            exists=True,
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", help="Card of the model to audit, or a run folder of a training."),
    ] = "",
    layout: Annotated[
        str,
        typer.Option(
            help="Layout of the folder, such as utkface (classes = one folder per class)."
        ),
    ] = "classes",
    most: Annotated[
        int, typer.Option(help="Use at most N images, evenly spaced (0 = all).", min=0)
    ] = 0,
    split: Annotated[
        str,
        typer.Option(
            help="Split of the data set to use, such as validation; default: all.",
            show_default=False,
        ),
    ] = "",
    names: Annotated[
        Path | None,
        typer.Option(
            help="Use only images named in this file, such as a training's test.txt.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    cut: Annotated[
        bool, typer.Option("--cut", help="Images are cut to the face already; skip detection.")
    ] = False,
    settings: Settings = None,
    purpose: Annotated[
        str, typer.Option(help="Purpose of the audit, for the record.", show_default=False)
    ] = "",
    queries: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of images that the model may process.", min=1, show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed. The same seed, the same result.")] = 0,
    consent: Annotated[
        Path | None,
        typer.Option(
            help="Manifest of the consent (TOML: given_by, purpose, expires, models).",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(help="File to which each query is appended.", show_default=False),
    ] = None,
    device: Processor = "cpu",
    report: Report = None,
    list_only: ListOnly = False,
    table: AsTable = False,
) -> None:
    """Audit a model; print findings with intervals and a risk level.

    The model runs in this process, without a network. With --consent, an
    audit is refused after the day that the manifest names.

    Example: mien audit batch-leakage faces/ --model expression --cut --table
    """
    from mien.audit import read_consent
    from mien.contracts import Scope
    from mien.service import audit as run
    from mien.zoo import find

    if list_only:
        _print_settings(find(name), table)
        return
    if not model:
        raise typer.BadParameter("The model to audit is missing: add --model CARD.")
    check_report(report)
    with progress() as on_step:
        found = run(
            name,
            model,
            data,
            layout=layout,
            most=most,
            split=split,
            names=names,
            settings=settings or (),
            scope=Scope(purpose, queries, seed, read_consent(consent) if consent else None, ledger),
            cut=cut,
            device=device,
            on_step=on_step,
        )
    print_findings(replace(found, basis=(*found.basis, ("Command", command()))), report, table)


def _print_settings(card: "Card", table: bool) -> None:
    """Print the settings of a maker or an audit, one per line."""
    from mien.errors import UnknownModelError
    from mien.zoo import list_options, options_type

    if card.kind not in ("maker", "audit"):
        raise UnknownModelError(
            f"'{card.name}' is a {card.kind}; only makers and audits have settings."
        )
    rows = list_options(options_type(card), card.options)
    heads = ("key", "kind", "default", "about")
    cells = [(row.key, row.kind, row.default, row.about) for row in rows]
    if table:
        print_table(heads, cells)
        return
    for cell in cells:
        print_json_line(dict(zip(heads, cell, strict=True)))
