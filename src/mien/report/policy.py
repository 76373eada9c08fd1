"""Papers of a gallery: a retention and privacy page, and a template of an impact assessment.

Both are filled in from the settings and the content of a gallery. What the settings do not state
is marked "[to be filled in]". They are a draft for a lawyer and no legal advice.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mien.errors import MienError
from mien.gallery import GuardedGallery
from mien.gallery.legal import GRACE
from mien.media import write_bytes
from mien.report.templates import render
from mien.zoo import cards

OPEN = "[to be filled in]"
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")  # characters with a meaning in Markdown


@dataclass(frozen=True, slots=True)
class Section:
    """One section: paragraphs, then items of a list, then rows of a table."""

    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper."""

    name: str  # of its files
    title: str
    lead: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the papers state about a gallery; no names of people."""

    operator: str
    contact: str
    governed: bool
    term: int | None  # days
    people: int
    without_basis: int
    due: int
    grounds: tuple[tuple[str, str, str, int], ...]  # purpose, ground, text, number of people
    longest: int | None  # days; the longest own term of a person
    model: str
    licence: str
    numbers: int | None  # of one embedding
    where: str
    entries: int  # of the journal
    encrypted: bool


def write_policy(folder: Path, gallery: GuardedGallery) -> list[Path]:
    """Write both papers as Markdown and HTML.

    Args:
        folder: created if missing.
        gallery: open gallery.

    Returns:
        The four files.

    Raises:
        MienError: the folder cannot be written.
    """
    facts = facts_of(gallery)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(f"The folder {folder} cannot be created ({error.strerror}).") from error
    written = []
    for paper in (privacy_page(facts), impact_assessment(facts)):
        page = render("policy.html.jinja", {"paper": paper})
        for suffix, text in ((".md", markdown(paper)), (".html", page)):
            written.append(folder / f"{paper.name}{suffix}")
            write_bytes(written[-1], text.encode("utf-8", "replace"))
    return written


def facts_of(gallery: GuardedGallery) -> Facts:
    """Return what the papers state about a gallery."""
    settings, now = gallery.settings, gallery.journal.now()
    bases = gallery.all_bases()
    valid = {
        name: [basis for basis in each if basis.valid(now, settings.term)]
        for name, each in bases.items()
    }
    grounds = Counter(
        key
        for each in valid.values()
        for key in {(basis.purpose, basis.ground, basis.text) for basis in each}
    )
    name, digest, *rest = [*gallery.embedder.split("/"), ""]
    card = cards().get(name)
    known = card is not None and card.digest == digest
    terms = [basis.term for each in valid.values() for basis in each if basis.term]
    return Facts(
        operator=settings.operator or OPEN,
        contact=settings.contact or OPEN,
        governed=settings.governed,
        term=settings.term,
        people=len(bases),
        without_basis=sum(not each for each in valid.values()),
        due=len(gallery.due()),
        grounds=tuple((*key, count) for key, count in sorted(grounds.items())),
        longest=max(terms, default=None),
        model=gallery.embedder,
        licence=card.licence if card is not None and known else OPEN,
        numbers=int(rest[0]) if rest and rest[0].isdigit() else None,
        where=gallery.where,
        entries=gallery.journal.head().number,
        encrypted=gallery.encrypted,
    )


def kept(facts: Facts) -> Section:
    """Return what is stored about a person."""
    size = f"an embedding of {facts.numbers} numbers" if facts.numbers else "an embedding"
    rows = (
        ("name", "to report who was found"),
        (f"for each enrolled image: {size}", "to compare faces; it is biometric data"),
        ("path, SHA-256, face position, quality and time of that image", "to correct errors"),
        ("path, SHA-256 and reason of each refused image", "so that it is not processed again"),
        *(
            []
            if facts.encrypted
            else [("in a large gallery, codes of the embeddings in a file beside", "speed")]
        ),
        ("legal bases: purpose, ground, text, times, SHA-256 of text and evidence", "proof"),
        ("journal: numbers of people and templates, acts, times, users", "accountability"),
    )
    return Section(
        "What is stored",
        ("No image and no crop of a face is stored in the gallery.",),
        columns=("Data", "Reason"),
        rows=rows,
    )


def bases_section(facts: Facts) -> Section:
    """Return on which grounds people are in the gallery."""
    if not facts.governed:
        text = (
            "This is a personal gallery, for own photos. The program asks for no legal basis and "
            "limits no purpose. It must not be used for other people without their knowledge."
        )
        return Section("Purposes and legal bases", (text,))
    rows = tuple(
        (purpose, ground, text, str(count)) for purpose, ground, text, count in facts.grounds
    )
    return Section(
        "Purposes and legal bases",
        (
            "The program enrols nobody without a legal basis. A search names its purpose and finds "
            "only people whose basis covers that purpose. A withdrawal has effect at once.",
            f"People at the time of writing: {facts.people}. Without a valid basis, and so not "
            f"found: {facts.without_basis}. Valid bases:",
        ),
        columns=("Purpose", "Ground", "Text", "People"),
        rows=rows,
    )


def retention_section(facts: Facts) -> Section:
    """Return when data are erased."""
    if not facts.governed:
        text = "A personal gallery has no retention term. People are erased on request."
        return Section("Retention", (text,))
    own = (
        f" Some people have a term of their own, at most {facts.longest} days."
        if facts.longest
        else ""
    )
    return Section(
        "Retention",
        (
            f"A person is kept for {facts.term} days after the last legal basis was given.{own} "
            "The person is erased earlier when the last basis is withdrawn or expires.",
            f"People without any basis since the gallery became governed are erased after "
            f"{GRACE.days} days.",
            "The command mien gallery retention erases the people who are due. The operator "
            f"runs it every {OPEN}. People who are due at the time of writing: {facts.due}.",
        ),
    )


def erasure_section() -> Section:
    """Return how erasure works, and what it does not reach."""
    return Section(
        "Erasure",
        (
            "An erasure removes name, embeddings, paths, notes and legal bases, and overwrites "
            "their bytes in the files of the gallery. The journal keeps the number of the person.",
            "Not covered by the program, and to be erased by the operator:",
        ),
        items=(
            "the original images",
            "exports, backups and copies of the gallery",
            "results, reports and drawings that were not named in the erasure",
            "spare blocks of the disk and snapshots of the file system",
        ),
    )


def privacy_page(facts: Facts) -> Paper:
    """Return the retention and privacy page, for the people in the gallery."""
    rights = Section(
        "Your rights",
        (f"Write to {facts.contact} to use them. The answer comes within one month.",),
        items=(
            "access: a copy of what is stored about you",
            "correction of your name and removal of single images",
            "erasure, and withdrawal of a consent, which is as easy as giving it",
            "complaint to the supervisory authority",
        ),
    )
    who = Section("Who is responsible", (f"{facts.operator}. Contact: {facts.contact}.",))
    return Paper(
        "privacy",
        "Retention and privacy of a face gallery",
        "How the data of the people in this gallery are used, and when they are erased.",
        (
            who,
            bases_section(facts),
            kept(facts),
            retention_section(facts),
            erasure_section(),
            rights,
            Section("Recipients", (f"{OPEN}. The program itself sends nothing to anybody.",)),
        ),
    )


def impact_assessment(facts: Facts) -> Paper:
    """Return the template of a data-protection impact assessment (GDPR article 35(7))."""
    description = Section(
        "1. Description of the processing (article 35(7)(a))",
        (
            f"Responsible: {facts.operator}. Gallery: {facts.where}. "
            f"Kind: {'governed' if facts.governed else 'personal'}.",
            f"Embedder: {facts.model}; licence of its weights: {facts.licence}.",
            f"Nature, scope and context, such as places, cameras and hours: {OPEN}",
        ),
    )
    need = Section(
        "2. Necessity and proportionality (article 35(7)(b))",
        (
            f"Why the purpose cannot be achieved with less data: {OPEN}",
            f"Measured error rates on own data (mien calibrate), by group: {OPEN}",
        ),
    )
    journal = (
        f"Journal of {facts.entries} entries, a chain of hashes; each search is recorded"
        if facts.governed
        else f"Journal of {facts.entries} entries, a chain of hashes; changes only, no searches"
    )
    encrypted = "Not encrypted by the program; encryption of the disk by the operator"
    if facts.encrypted:
        encrypted = f"AES-256-GCM, one data key per person; the key is kept at: {OPEN}"
    risks = (
        ("theft of the file", "embeddings identify people; faces can be rebuilt", encrypted),
        ("false match", "a person is taken for somebody else", f"threshold and review: {OPEN}"),
        ("disparity between groups", "more errors for some people", f"measured: {OPEN}"),
        ("use for another purpose", "surveillance", bases_section(facts).paragraphs[0]),
        ("misuse by operators", "searches without a reason", f"{journal}; anchor kept at: {OPEN}"),
        ("data kept too long", "loss of control", retention_section(facts).paragraphs[0]),
        ("decision without a person", "GDPR article 22", f"reviewer of each match: {OPEN}"),
    )
    threats = Section(
        "3. Risks to people, and measures (article 35(7)(c) and (d))",
        columns=("Risk", "Effect", "Measure"),
        rows=risks,
    )
    use = Section(
        "4. Forbidden uses (EU AI Act, article 5)",
        ("Each must be answered with no before the system is used.",),
        items=tuple(
            f"{what}: {OPEN}"
            for what in (
                "databases from untargeted scraping of faces",
                "emotion recognition at work or in education",
                "categorisation by sensitive attributes",
                "live identification in public places for law enforcement",
            )
        ),
    )
    opinion = Section(
        "5. Consultation and decision",
        (
            f"Advice of the data protection officer: {OPEN}",
            f"Views of the people concerned: {OPEN}",
            f"Remaining risk, decision, date and signature: {OPEN}",
        ),
    )
    return Paper(
        "impact-assessment",
        "Data-protection impact assessment: face gallery",
        f"Template, filled in from the settings of the gallery; complete each {OPEN}.",
        (
            description,
            bases_section(facts),
            kept(facts),
            need,
            threats,
            retention_section(facts),
            erasure_section(),
            use,
            opinion,
        ),
    )


def markdown(paper: Paper) -> str:
    """Return a paper as Markdown."""
    made = f"{datetime.now().astimezone():%Y-%m-%d}"
    lines = [f"# {plain(paper.title)}", "", plain(paper.lead), "", f"Written on {made}.", ""]
    for section in paper.sections:
        lines += [f"## {plain(section.title)}", ""]
        for paragraph in section.paragraphs:
            lines += [plain(paragraph), ""]
        if section.items:
            lines += [*(f"- {plain(item)}" for item in section.items), ""]
        if section.columns:
            lines += [row(section.columns), "|" + "---|" * len(section.columns)]
            lines += [*(row(cells) for cells in section.rows), ""]
    return "\n".join(lines)


def row(cells: Sequence[str]) -> str:
    """Return one row of a Markdown table."""
    return "| " + " | ".join(plain(cell) for cell in cells) + " |"


def plain(text: str) -> str:
    """Return a text whose special characters Markdown does not interpret."""
    return SPECIAL.sub(r"\\\1", text)
