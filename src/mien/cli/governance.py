"""Commands for the rules of a gallery: its kind, legal bases, retention and journal."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.options import GALLERY, AsTable, GalleryEmbedder, GalleryPath, Who
from mien.cli.terminal import print_json_line, print_table
from mien.errors import GalleryError

journal = typer.Typer(
    no_args_is_help=True, help="Show and verify the journal of a gallery: who did what, and when."
)
consent = typer.Typer(
    no_args_is_help=True, help="Give, withdraw and list the legal bases of people of a gallery."
)
People = Annotated[list[str], typer.Argument(help="Names of people.")]
Anchor = Annotated[
    Path | None, typer.Option(help="File from journal anchor, which the journal must contain.")
]


def create(
    gallery: GalleryPath = GALLERY,
    governed: Annotated[
        bool | None,
        typer.Option(
            "--governed/--personal",
            help="Personal: own photos, no legal basis asked. Governed: nobody without one. "
            "Default: personal in a file, governed on a server.",
        ),
    ] = None,
    term: Annotated[
        int | None,
        typer.Option(help="Governed: days after the last basis was given; then people are erased."),
    ] = None,
    operator: Annotated[
        str | None, typer.Option(help="Governed: who is responsible for the gallery.")
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Governed: address for the people of the gallery.")
    ] = None,
    embedder: GalleryEmbedder = None,
    who: Who = None,
) -> None:
    """Create a gallery; or make a personal one governed, for good.

    Example: mien gallery create --governed --term 365 --gallery door.mien
    """
    from mien.cli.options import embedder_for
    from mien.gallery import is_there, on_server, open_gallery
    from mien.gallery.legal import TERM
    from mien.service.galleries import contract_of

    if governed is None:
        governed = on_server(gallery)
    if governed and term is None and not on_server(gallery):
        raise GalleryError(
            "A governed gallery needs a retention term, such as --term 365: days after the last "
            "legal basis of a person was given, at whose end the person is erased."
        )
    if not governed and (term, operator, contact) != (None, None, None):
        raise GalleryError("--term, --operator and --contact are for --governed; add it.")
    new = not is_there(gallery)
    contract = contract_of(embedder_for(embedder, gallery)) if new else None
    with open_gallery(gallery, contract, create=new, who=who, personal=not governed) as known:
        if governed:
            term = (known.settings.term or TERM) if term is None else term
            known.govern(term, operator=operator, contact=contact)
        elif known.settings.governed:
            raise GalleryError(
                f"Gallery {gallery} is governed and stays so; make a new one for own photos."
            )
        print_json_line({"gallery": gallery, "created": new, **facts(known)})


def facts(known: Any) -> dict[str, Any]:
    """Return the settings and sizes of a gallery."""
    from dataclasses import asdict

    return {
        **asdict(known.settings),
        "embedder": known.embedder,
        "people": known.enrolled(),
        "templates": len(known),
        "encrypted": known.encrypted,
        "protected": known.protected,
        "journal": known.journal.head().number,
    }


@consent.command("give")
def give_consent(
    people: People,
    purpose: Annotated[str, typer.Option(help="Code of the purpose, such as access-control.")],
    text: Annotated[
        Path, typer.Option(help="File with the text that was shown, or that states the ground.")
    ],
    evidence: Annotated[
        str | None,
        typer.Option(help="File that proves it, such as a signed form, or its SHA-256."),
    ] = None,
    ground: Annotated[
        str, typer.Option(help="Code of the ground: consent, contract, legal-obligation ...")
    ] = "consent",
    version: Annotated[
        str | None, typer.Option(help="Version of the text; default: the name of its file.")
    ] = None,
    given: Annotated[
        datetime | None, typer.Option(help="When it was given, in UTC; default: now.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Until when it is valid, in UTC; default: withdrawal.")
    ] = None,
    term: Annotated[
        int | None, typer.Option(help="Days that this person is kept; default: of the gallery.")
    ] = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Store a legal basis of people, before they are enrolled: a consent or another ground.

    The files are not kept, only their SHA-256.

    Example: mien gallery consent give Ada --purpose door --text v2.txt --evidence ada.pdf
    """
    import hashlib

    from mien.gallery import LegalBasis, open_gallery

    proof = evidence
    if evidence and not is_digest(evidence):
        proof = hashlib.sha256(bytes_of(Path(evidence))).hexdigest()
    basis = LegalBasis(
        purpose=purpose,
        text=version or text.name,
        text_digest=hashlib.sha256(bytes_of(text)).hexdigest(),
        ground=ground,
        evidence_digest=proof,
        given=given and given.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        term=term,
    )
    with open_gallery(gallery, None, who=who) as known:
        for person in people:
            number = known.give(person, basis)
            print_json_line({"person": person, "basis": number, "purpose": purpose})


@consent.command("withdraw")
def withdraw_consent(
    people: People,
    purpose: Annotated[
        str | None, typer.Option(help="Only for this purpose; default: for all.")
    ] = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """End legal bases at once: the people are no longer found for these purposes.

    People without a valid basis are erased by: mien gallery retention

    Example: mien gallery consent withdraw Ada --gallery door.mien
    """
    from mien.gallery import open_gallery

    with open_gallery(gallery, None, who=who) as known:
        for person in people:
            ended = known.withdraw(person, purpose)
            now, term = known.journal.now(), known.settings.term
            left = any(basis.valid(now, term) for basis in known.bases(person))
            print_json_line({"person": person, "withdrawn": ended, "other_basis": left})


@consent.command("list")
def list_consents(
    people: Annotated[
        list[str] | None, typer.Argument(help="Names of people; default: all.")
    ] = None,
    gallery: GalleryPath = GALLERY,
    who: Who = None,
    table: AsTable = False,
) -> None:
    """List the legal bases of people, also those that have ended, and people without one.

    Example: mien gallery consent list --gallery door.mien --table
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        found = {p: known.bases(p) for p in people} if people else known.all_bases()
        now, term = known.journal.now(), known.settings.term
    rows = []
    for person, bases in found.items():
        rows += [{"person": person, "valid": False, "basis": None}] if not bases else []
        rows += [
            {"person": person, "valid": one.valid(now, term), "ends": one.end(term)} | asdict(one)
            for one in bases
        ]
    if not table:
        for row in rows:
            print_json_line({k: str(v) if isinstance(v, datetime) else v for k, v in row.items()})
        return
    columns = ["person", "ground", "purpose", "text", "given", "ends", "valid"]
    cells = [[_day(row.get(name)) for name in columns] for row in rows]
    print_table(columns, cells, f"Legal bases in {gallery}")


def retention(
    gallery: GalleryPath = GALLERY,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list who is due.")] = False,
    also: Annotated[
        list[Path] | None,
        typer.Option("--also", help="Groups, result file or folder to erase from; repeatable."),
    ] = None,
    who: Who = None,
) -> None:
    """Erase the people of a governed gallery whose last legal basis or term has ended.

    Run it every day. Each run is in the journal, also if nobody is due.

    Example: mien gallery retention --gallery door.mien --dry-run
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery
    from mien.service import erase

    with open_gallery(gallery, None, who=who, read_only=dry_run) as known:
        due = known.due() if dry_run else known.sweep()
        for one in due:
            row = {"person": one.person, "since": str(one.since), "reason": one.reason}
            print_json_line({**row, "erased": not dry_run})
        if dry_run or not due:
            return
        done = erase([one.person for one in due], known, also=also or ())
    print_json_line(
        {"gallery": gallery, **asdict(done.receipt), "runs": done.runs}
        | {"changed": done.changed, "remains": done.remains}
    )
    if not done.receipt.complete:
        raise GalleryError(f"{done.receipt.reason}")


def policy(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; created if missing.")],
    gallery: GalleryPath = GALLERY,
    who: Who = None,
) -> None:
    """Write a retention and privacy page, and a template of an impact assessment.

    Both are filled in from the settings of the gallery, as Markdown and HTML.
    They are a draft for a lawyer, and no legal advice.

    Example: mien gallery policy papers/ --gallery door.mien
    """
    from mien.gallery import open_gallery
    from mien.report.policy import write_policy

    with open_gallery(gallery, None, read_only=True, who=who) as known:
        written = write_policy(folder, known)
    for path in written:
        print_json_line({"out": path})


@journal.command("show")
def show_journal(
    gallery: GalleryPath = GALLERY,
    act: Annotated[
        str | None, typer.Option(help="Only entries of this act, such as search or forget.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the last N entries.")] = None,
    table: AsTable = False,
) -> None:
    """Show the entries of the journal; people and templates are numbers.

    Example: mien gallery journal show --gallery family.mien --last 20 --table
    """
    from collections import deque
    from dataclasses import asdict

    from mien.gallery import open_gallery

    with open_gallery(gallery, None, read_only=True) as known:
        found = (one for one in known.journal.entries() if act in (None, one.act))
        entries = deque(found, last)
    if not table:
        for one in entries:
            print_json_line({**asdict(one), "digest": one.digest})
        return
    print_table(
        ["entry>", "time", "who", "act", "outcome", "purpose", "people", "templates"],
        [
            [
                one.number,
                one.time[:19].replace("T", " "),
                one.who,
                one.act,
                one.outcome,
                one.purpose,
                _listed(one.people),
                _listed(one.templates),
            ]
            for one in entries
        ],
        f"Journal of {gallery}",
    )


@journal.command("verify")
def verify_journal(gallery: GalleryPath = GALLERY, anchor: Anchor = None) -> None:
    """Find entries that were edited, cut, added or moved; exit with 1 if there are any.

    Without an anchor, a journal that was rewritten as a whole is not found.

    Example: mien gallery journal verify --gallery family.mien --anchor head.json
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery, read_anchor

    known_head = read_anchor(bytes_of(anchor), str(anchor)) if anchor else None
    with open_gallery(gallery, None, read_only=True) as known:
        faults = known.journal.verify(known_head)
        row: dict[str, Any] = {"gallery": gallery, "intact": not faults}
        if not faults:
            row |= asdict(known.journal.head())
    print_json_line({**row, "faults": [asdict(fault) for fault in faults]})
    if faults:
        raise GalleryError(f"The journal of {gallery} was changed: {faults[0].problem}")


@journal.command("anchor")
def anchor_journal(
    target: Annotated[Path, typer.Argument(help="File to write; keep it elsewhere.")],
    gallery: GalleryPath = GALLERY,
) -> None:
    """Write the head of the journal to a file, with which it can be verified later.

    Example: mien gallery journal anchor head-2026-11.json --gallery family.mien
    """
    from dataclasses import asdict

    from mien.gallery import open_gallery, write_anchor
    from mien.media import write_bytes

    with open_gallery(gallery, None, read_only=True) as known:
        head = known.journal.head()
    write_bytes(target, write_anchor(head))
    print_json_line({"out": target, **asdict(head)})


def is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256 in hex, and no path."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef") and not Path(text).exists()


def _day(value: Any) -> Any:
    return f"{value:%Y-%m-%d}" if isinstance(value, datetime) else value


def _listed(numbers: Any) -> str:
    return " ".join(map(str, numbers))


def bytes_of(path: Path) -> bytes:
    """Return the bytes of a file that a user named."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise GalleryError(f"{path} cannot be read ({error.strerror}).") from error
