"""On what ground people are in a gallery, for which purposes, and until when.

The rules follow the General Data Protection Regulation of the EU (GDPR): a ground and a purpose for
each person (articles 6 and 9), proof of a consent (7(1)), withdrawal (7(3)), limited storage
(5(1)(e)).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from mien.errors import GalleryError
from mien.gallery.checks import check_digest, check_reason, clean_name, utc

CONSENT = "consent"
LONGEST_TERM = 36_500  # days
TERM = 365  # days, of a gallery on a server until `govern` states another one
# People of a gallery that becomes governed, and who have no ground yet, are kept for one month:
# the term within which GDPR article 12(3) expects an answer to a person.
GRACE = timedelta(days=30)

Kind = Literal["personal", "governed"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The rules of a gallery, stored in it."""

    kind: Kind = "personal"  # "personal": own photos, no ground asked; "governed": no one without
    term: int | None = None  # days after the last ground was given; governed: never None
    since: str | None = None  # ISO 8601, UTC: when it became governed
    operator: str | None = None  # who is responsible for the gallery
    contact: str | None = None  # where people of the gallery find that one

    @property
    def governed(self) -> bool:
        """Return whether the rules of a governed gallery apply."""
        return self.kind == "governed"


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """A legal ground on which one person is in a gallery, for one purpose."""

    purpose: str  # code, such as "access-control"
    text: str  # version of the text that was shown, or of the document that states the ground
    text_digest: str  # SHA-256 of it, hex
    ground: str = CONSENT  # code: "consent", "contract", "legal-obligation", ...
    evidence_digest: str | None = None  # SHA-256 of the proof, hex; a consent needs one
    given: datetime | None = None  # with a time zone; None = now
    until: datetime | None = None  # with a time zone; None = until withdrawal
    term: int | None = None  # days; None = that of the gallery
    id: int = 0  # number within the gallery; 0 = not stored yet
    withdrawn: datetime | None = None

    def valid(self, now: datetime, term: int | None) -> bool:
        """Return whether it has not ended; `term`: that of the gallery, in days."""
        end = self.end(term)
        return end is None or end > now

    def end(self, term: int | None) -> datetime | None:
        """Return when it ends: withdrawn, expired, or at the end of the term, in days."""
        assert self.given is not None
        days = self.term or term
        ends = [self.until, self.withdrawn, self.given + timedelta(days=days) if days else None]
        return min((end for end in ends if end), default=None)


@dataclass(frozen=True, slots=True)
class Due:
    """A person who must be erased."""

    person: str
    since: datetime
    reason: Literal["withdrawn", "expired", "term", "no-basis"]


class NoBasisError(GalleryError):
    """A person must not be enrolled or searched: there is no valid legal ground."""


def check_basis(basis: LegalBasis) -> LegalBasis:
    """Return a basis with its times in UTC; raise an error for invalid fields."""
    check_code(basis.purpose, "purpose")
    check_code(basis.ground, "ground")
    clean_name(basis.text)
    check_digest(basis.text_digest)
    if basis.evidence_digest is not None:
        check_digest(basis.evidence_digest)
    elif basis.ground == CONSENT:
        raise GalleryError(
            "A consent needs evidence, such as the signed form: give its file (--evidence) or its "
            "SHA-256."
        )
    given = datetime.fromisoformat(utc(basis.given))
    until = None if basis.until is None else datetime.fromisoformat(utc(basis.until))
    if until is not None and until <= given:
        raise GalleryError(
            f"A basis that is given on {given:%Y-%m-%d} cannot end on {until:%Y-%m-%d}; give a "
            "later end."
        )
    if basis.term is not None:
        check_term(basis.term)
    return replace(basis, given=given, until=until)


def check_code(code: str, what: str = "purpose") -> str:
    """Return a code; raise an error for other texts."""
    try:
        return check_reason(code)
    except GalleryError:
        raise GalleryError(
            f"The {what} {code[:80]!r} is not a code: expected up to 64 of a-z, 0-9, '_' and "
            "'-', such as 'access-control'."
        ) from None


def check_term(days: int) -> int:
    """Return a retention term in days; raise an error if it is not possible."""
    if not 0 < days <= LONGEST_TERM:
        raise GalleryError(
            f"A retention term of {days} days is not possible: expected 1 to {LONGEST_TERM}."
        )
    return days


def packed(record: LegalBasis | Settings) -> str:
    """Return a record as JSON."""
    row = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(record).items()}
    return json.dumps({k: v for k, v in row.items() if k not in ("id", "withdrawn")})


def read_basis(number: int, text: str, withdrawn: datetime | None, where: str) -> LegalBasis:
    """Return a stored basis."""
    row = loaded(text, where)
    try:
        times = {key: row[key] and datetime.fromisoformat(row[key]) for key in ("given", "until")}
        basis = LegalBasis(**{**row, **times, "id": number, "withdrawn": withdrawn})
        if basis.given is None or basis.given.tzinfo is None:
            raise ValueError("a basis without a time")
    except (TypeError, ValueError, KeyError) as error:
        raise damaged(where) from error
    return basis


def read_withdrawal(text: str, where: str) -> tuple[list[int], datetime]:
    """Return the numbers of withdrawn bases, and when that was."""
    row = loaded(text, where)
    try:
        time = datetime.fromisoformat(row["time"])
        numbers = [int(number) for number in row["bases"]]
    except (TypeError, ValueError, KeyError) as error:
        raise damaged(where) from error
    return numbers, time


def read_settings(text: str, where: str) -> Settings:
    """Return stored settings."""
    row = loaded(text, where)
    try:
        settings = Settings(**{"kind": "", **row})
        if settings.kind not in ("personal", "governed"):
            raise ValueError(settings.kind)
        for value in (settings.operator, settings.contact):
            clean_name(value or "unnamed")
        if settings.governed:
            check_term(settings.term or 0)
            datetime.fromisoformat(settings.since or "")
    except (TypeError, ValueError, GalleryError) as error:
        raise damaged(where) from error
    return settings


def loaded(text: str, where: str) -> dict[str, Any]:
    """Return a stored JSON object."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(where) from error
    if not isinstance(row, dict):
        raise damaged(where)
    return row


def damaged(where: str) -> GalleryError:
    """Return the error for records that cannot be read."""
    return GalleryError(
        f"Gallery {where} is damaged: its legal records cannot be read. Nothing was changed; "
        "restore a backup."
    )


def due(
    person: str, bases: Sequence[LegalBasis], first: datetime, settings: Settings, now: datetime
) -> Due | None:
    """Return whether a person of a governed gallery must be erased.

    The person is kept until the last basis ends.

    Args:
        person: the name.
        bases: all bases of that person.
        first: time of the first enrolment, for people without a basis.
        settings: of the gallery.
        now: the present time.
    """
    if not bases:
        start = datetime.fromisoformat(settings.since or "")
        since = max(first, start) + GRACE
        return Due(person, since, "no-basis") if since <= now else None
    ends = [(basis.end(settings.term), basis) for basis in bases]
    far = datetime.max.replace(tzinfo=UTC)
    since, last = max(((end or far, basis) for end, basis in ends), key=lambda pair: pair[0])
    if since > now:
        return None
    if last.withdrawn == since:
        return Due(person, since, "withdrawn")
    return Due(person, since, "expired" if last.until == since else "term")
