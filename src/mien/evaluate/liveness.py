"""Evaluate presentation attack detection after ISO/IEC 30107-3, from a table of presentations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from mien.datasets import BONA_FIDE
from mien.datasets.spreadsheets import rows_of
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters, Estimate, apcer, bpcer, rule_of_three, threshold_at_apcer
from mien.metrics.findings import Cell, Curve, Fact, Findings, Plot, Table

RATES = (0.01, 0.05, 0.1)  # APCER at which BPCER is reported: BPCER100, BPCER20, BPCER10
NOTES = (
    "ISO/IEC 30107-3:2023. APCER and BPCER are shares of presentations with a response; "
    "those without are reported as APNRR and BPNRR. The result of a system is its worst species.",
    "Where no attack passed, the upper end is 3 divided by the number of instruments.",
    "This is a measurement, not a certificate: it does not cover unknown species.",
)


@dataclass(frozen=True, slots=True)
class Presentation:
    """One person or attack in front of the sensor."""

    species: str  # of the attack instrument; BONA_FIDE: a real person
    subject: str  # who, or which instrument
    score: float  # higher = more live; NaN: no response
    accepted: bool | None = None  # by the whole system, matcher included; None: not known
    domain: str = ""  # camera or site
    setting: bool = False  # whether it may be used to set the threshold
    group: str = ""  # of the person, such as a skin tone

    @property
    def attack(self) -> bool:
        """Whether it is an attack."""
        return self.species != BONA_FIDE

    @property
    def responded(self) -> bool:
        """Whether the system gave a response."""
        return not np.isnan(self.score)


def presentations_in(path: Path) -> list[Presentation]:
    """Read CSV with species, subject, score; maybe accepted, domain, use and group.

    accepted is 0 or 1, use is set or test.

    An empty score is a non-response. Bona fide presentations have the species bona-fide.

    Raises:
        MienError: a value does not fit its column, by line; or a subject is on both sides.
    """
    found = []
    for line, row in enumerate(rows_of(path, ("species", "subject", "score")), 2):
        text, accepted_text = row["score"].strip(), (row.get("accepted") or "").strip()
        try:
            score = float(text) if text else float("nan")
        except ValueError:
            score = float("inf")
        if text and not np.isfinite(score):
            raise MienError(
                f"{path}, line {line}: score '{text}' is not a finite number; leave it empty if "
                "the system gave no response."
            )
        if accepted_text not in ("", "0", "1") or (row.get("use") or "test") not in ("set", "test"):
            raise MienError(
                f"{path}, line {line}: accepted must be 0 or 1, use must be set or test."
            )
        if not row["species"] or not row["subject"]:
            raise MienError(f"{path}, line {line}: name the species and the subject.")
        accepted = None if accepted_text == "" else accepted_text == "1"
        setting = row.get("use") == "set"
        found.append(
            Presentation(
                row["species"],
                row["subject"],
                score,
                accepted,
                row.get("domain") or "",
                setting,
                row.get("group") or "",
            )
        )
    both = {p.subject for p in found if p.setting} & {p.subject for p in found if not p.setting}
    if both:
        raise MienError(
            f"{path}: {len(both)} subjects set the threshold and are tested at it "
            f"({', '.join(sorted(both)[:5])}); move each to one side."
        )
    return found


def liveness(
    presentations: Sequence[Presentation],
    *,
    threshold: float | None = None,
    rate: float = 0.05,
    data: str,
    basis: tuple[tuple[str, str], ...] = (),
) -> Findings:
    """Evaluate attack detection.

    Args:
        presentations: at least one attack and one bona fide with a response, not for setting.
        threshold: a score that must be exceeded to count as live. Default: that at which the
            worst species of the presentations for setting passes at `rate`; without such
            presentations there are only the trade-off rows.
        rate: APCER that the threshold is set for.
        data: which presentations these are, in a sentence.
        basis: models, command line, ...

    Raises:
        TooFewTrialsError: no attacks, or no bona fide presentations, with a response.
    """
    tested = [p for p in presentations if not p.setting]
    attacks = _by_species([p for p in tested if p.attack])
    real = [p for p in tested if not p.attack]
    if not attacks or not any(p.responded for p in real):
        raise TooFewTrialsError(
            f"{sum(map(len, attacks.values()))} attacks and {len(real)} bona fide presentations "
            "(with a response) show no error rate; both are needed."
        )
    known = [p for p in presentations if p.setting]
    if threshold is None and known:
        threshold = threshold_at_apcer(_scores(_by_species([p for p in known if p.attack])), rate)
    tables = [_trade_off_rows(attacks, real)]
    headline, warnings = [], []
    if threshold is None:
        warnings.append(
            "No threshold was set on other presentations, so there is no APCER and BPCER of a "
            "system, only the trade-off, whose thresholds were set on these data."
        )
    else:
        tables.insert(0, _species_table(attacks, threshold))
        worst, value = _worst(attacks, threshold)
        refused = _share(real, threshold, real=True)
        headline += [
            Fact(f"APCER, worst species: {worst}", value, "rate", "attacks that pass"),
            Fact("BPCER", refused, "rate", "real people who are rejected"),
        ]
        tables += _left_out(attacks, real, rate)
        tables += _by_group(real, threshold)
    headline.append(Fact("BPNRR", _silent(real), "rate", "real people without a response"))
    whole = _whole_system(attacks, real)
    if whole:
        tables.append(whole)
    return Findings(
        "Presentation attack detection: are attacks detected?",
        f"{sum(map(len, attacks.values())):,} attacks of {len(attacks)} species and {len(real):,} "
        f"presentations of real people: {data}.",
        tuple(headline),
        tuple(tables),
        (_plot(attacks, real),),
        tuple(warnings),
        NOTES,
        basis,
    )


def _by_species(attacks: Sequence[Presentation]) -> dict[str, list[Presentation]]:
    found: dict[str, list[Presentation]] = {}
    for one in attacks:
        found.setdefault(one.species, []).append(one)
    return dict(sorted(found.items()))


def _scores(attacks: dict[str, list[Presentation]]) -> dict[str, ArrayLike]:
    every = {name: [p.score for p in rows if p.responded] for name, rows in attacks.items()}
    return {name: np.array(scores) for name, scores in every.items() if scores}


def _share(rows: Sequence[Presentation], threshold: float, *, real: bool) -> Estimate:
    """APCER of one species or BPCER, by subject; the rule of three where there was no error."""
    seen = [p for p in rows if p.responded]
    if not seen:
        return Estimate(float("nan"), reason="no presentation got a response")
    wrong = (bpcer if real else apcer)([p.score for p in seen], threshold)
    return Clusters([p.subject for p in seen]).share(wrong)


def _silent(rows: Sequence[Presentation]) -> Estimate:
    return Clusters([p.subject for p in rows]).share(np.array([not p.responded for p in rows]))


def _worst(attacks: dict[str, list[Presentation]], threshold: float) -> tuple[str, Estimate]:
    rates = {name: _share(rows, threshold, real=False) for name, rows in attacks.items()}
    known = {name: rate for name, rate in rates.items() if rate.known}
    # Among species without an error, the one with the fewest presentations is the least certain.
    name = max(known, key=lambda n: (known[n].value, known[n].high))
    return name, known[name]


def _species_table(attacks: dict[str, list[Presentation]], threshold: float) -> Table:
    rows = []
    for name, each in attacks.items():
        rate = _share(each, threshold, real=False)
        bound = rule_of_three(rate.people) if rate.value == 0 else None
        rows.append((name, len({p.subject for p in each}), len(each), rate, bound, _silent(each)))
    return Table(
        f"Attacks by species, threshold {threshold:.4g} set before",
        (
            ("Species", "text"),
            ("Instruments", "count"),
            ("Presentations", "count"),
            ("APCER", "rate"),
            ("3/n, if none passed", "rate"),
            ("APNRR", "rate"),
        ),
        tuple(rows),
    )


def _trade_off_rows(attacks: dict[str, list[Presentation]], real: Sequence[Presentation]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for rate in RATES:
        try:
            threshold = threshold_at_apcer(_scores(attacks), rate)
        except TooFewTrialsError as error:
            rows.append((f"BPCER{round(1 / rate)}", rate, None, str(error)))
            continue
        rows.append((f"BPCER{round(1 / rate)}", rate, _share(real, threshold, real=True), ""))
    return Table(
        "Real people rejected at an APCER of the worst species",
        (("Name", "text"), ("APCER", "rate"), ("BPCER", "rate"), ("", "text")),
        tuple(rows),
        "Thresholds are set on these presentations: a description, not a prediction.",
    )


def _left_out(
    attacks: dict[str, list[Presentation]], real: Sequence[Presentation], rate: float
) -> list[Table]:
    """Thresholds set without one species (or domain), tested on it."""
    domains = sorted({p.domain for rows in attacks.values() for p in rows if p.domain})
    tables = []
    if len(attacks) > 1:
        rows = [_without(name, attacks, rate) for name in attacks]
        tables.append(_left_out_table("species", rows, rate))
    if len(domains) > 1:
        rows = [_without_domain(domain, attacks, real, rate) for domain in domains]
        tables.append(_left_out_table("domain", rows, rate))
    return tables


def _without(name: str, attacks: dict[str, list[Presentation]], rate: float) -> tuple[Cell, ...]:
    others = {n: s for n, s in _scores(attacks).items() if n != name}
    try:
        threshold = threshold_at_apcer(others, rate)
    except TooFewTrialsError as error:
        return (name, None, None, str(error))
    return (name, threshold, _share(attacks[name], threshold, real=False), "")


def _without_domain(
    domain: str, attacks: dict[str, list[Presentation]], real: Sequence[Presentation], rate: float
) -> tuple[Cell, ...]:
    others = _by_species([p for rows in attacks.values() for p in rows if p.domain != domain])
    inside = _by_species([p for rows in attacks.values() for p in rows if p.domain == domain])
    try:
        threshold = threshold_at_apcer(_scores(others), rate)
    except TooFewTrialsError as error:
        return (domain, None, None, str(error))
    refused = _share([p for p in real if p.domain == domain], threshold, real=True)
    note = f"BPCER {refused.value:.2%}" if refused.known else ""
    return (domain, threshold, _worst(inside, threshold)[1], note)


def _left_out_table(kind: str, rows: Sequence[tuple[Cell, ...]], rate: float) -> Table:
    return Table(
        f"Leave one {kind} out",
        (
            (f"{kind.capitalize()} left out", "text"),
            ("Threshold of the others", "number"),
            ("APCER on it", "rate"),
            ("", "text"),
        ),
        tuple(rows),
        f"Threshold at APCER {rate:.0%} of the worst of the others, tested on the one left out.",
    )


def _by_group(real: Sequence[Presentation], threshold: float) -> list[Table]:
    """BPCER of each group of people, worst first; no table without groups."""
    names = sorted({p.group for p in real if p.group})
    if len(names) < 2:
        return []
    mine = {name: [p for p in real if p.group == name] for name in names}
    rates = {name: _share(rows, threshold, real=True) for name, rows in mine.items()}
    order = sorted(names, key=lambda n: -rates[n].value if rates[n].known else 1.0)
    rows: list[tuple[Cell, ...]] = [
        (name, len({p.subject for p in mine[name]}), len(mine[name]), rates[name],
         _silent(mine[name])) for name in order
    ]  # fmt: skip
    return [
        Table(
            "Real people rejected, by group",
            (("Group", "text"), ("People", "count"), ("Presentations", "count"),
             ("BPCER", "rate"), ("BPNRR", "rate")),
            tuple(rows),
            "Worst group first. Intervals that overlap show no difference.",
        )
    ]  # fmt: skip


def _whole_system(
    attacks: dict[str, list[Presentation]], real: Sequence[Presentation]
) -> Table | None:
    """IAPAR and RIAPAR, if the decisions of the whole system are known."""
    known = [p for p in real if p.accepted is not None]
    tried = {name: [p for p in rows if p.accepted is not None] for name, rows in attacks.items()}
    if not known or not any(tried.values()):
        return None
    unknown = sum(p.accepted is None for rows in (real, *attacks.values()) for p in rows)
    left_out = f" {unknown} presentations without a decision are left out." if unknown else ""
    refused = Clusters([p.subject for p in known]).share([not p.accepted for p in known])
    rows: list[tuple[Cell, ...]] = []
    for name, each in tried.items():
        if not each:
            continue
        passed = Clusters([p.subject for p in each]).share([bool(p.accepted) for p in each])
        rows.append((name, passed, refused, passed.value + refused.value))
    return Table(
        "The whole system, matcher included",
        (("Species", "text"), ("IAPAR", "rate"), ("FRR", "rate"), ("RIAPAR", "rate")),
        tuple(rows),
        "IAPAR: attacks that the whole system accepts. RIAPAR adds the real people it rejects."
        + left_out,
    )


def _plot(attacks: dict[str, list[Presentation]], real: Sequence[Presentation]) -> Plot:
    genuine = np.sort([p.score for p in real if p.responded])
    curves = []
    for name, scores in _scores(attacks).items():
        bars = np.unique(np.concatenate([genuine, np.asarray(scores)]))
        x = np.array([float(np.mean(apcer(scores, threshold))) for threshold in bars])
        y = np.searchsorted(genuine, bars, side="right") / genuine.size
        curves.append(Curve(name, x, y))
    return Plot(
        "Attacks that pass against real people rejected",
        "APCER",
        "BPCER",
        tuple(curves),
        percent=(True, True),
        caption="One line per species; further down and left is better.",
    )
