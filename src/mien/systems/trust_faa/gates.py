"""Gates: one verdict per section, from the lower end of an interval where there is one."""

from dataclasses import dataclass
from typing import Literal

from mien.metrics import Estimate
from mien.metrics.findings import Cell, Risk, Table

Verdict = Literal["pass", "warn", "fail", "not assessed"]
ALPHA = 0.05  # of the permutation, after Holm's correction


@dataclass(frozen=True, slots=True)
class Gate:
    """One verdict."""

    section: str
    figure: str
    value: Estimate | float | None
    limit: str
    verdict: Verdict
    why: str = ""


def fairness_gate(figure: str, gap: Estimate, p: float, limit: float) -> Gate:
    """Fail if the gap exceeds the limit beyond doubt, warn if its value does."""
    verdict: Verdict = "pass"
    if gap.value > limit:
        verdict = "fail" if gap.low > limit and p <= ALPHA else "warn"
    why = f"p = {p:.3f}" + ("" if p <= ALPHA else ": chance explains it")
    return Gate("Fairness", figure, gap, f"{limit:g}", verdict, why)


def calibration_gate(error: Estimate) -> Gate:
    """Warn above 0.05, fail above 0.10, by the value."""
    verdict: Verdict = "fail" if error.value > 0.10 else "warn" if error.value > 0.05 else "pass"
    return Gate("Uncertainty", "expected calibration error", error, "0.05, 0.1", verdict)


def coverage_gate(figure: str, name: str, share: Estimate, level: float) -> Gate:
    """Fail if a group is covered less often than promised by more than 0.03."""
    limit = level - 0.03
    verdict: Verdict = "pass"
    if share.value < limit:
        verdict = "fail" if share.high < limit else "warn"
    return Gate("Uncertainty", figure, share, f"{limit:g}", verdict, f"worst group: {name}")


def robustness_gate(kind: str, rise: Estimate, limit: float) -> Gate:
    """Fail if the error rises by more than the limit beyond doubt, under mild degradation."""
    verdict: Verdict = "pass"
    if rise.value > limit:
        verdict = "fail" if rise.low > limit else "warn"
    return Gate("Robustness", f"rise of the error, mildest degradation: {kind}", rise,
                f"{limit:g}", verdict)  # fmt: skip


def explanation_gate(gain: Estimate, kind: str = "occlusion") -> Gate:
    """Warn if removing what the map marks is no faster than removing at random."""
    verdict: Verdict = "pass" if gain.low > 0 else "warn"
    return Gate("Explanation", f"deletion by {kind}, gain over a random order", gain, "0", verdict)


def leakage_gate(column: str, accuracy: Estimate, chance: float) -> Gate:
    """Warn if the answers give away a group."""
    limit = chance + 0.1
    verdict: Verdict = "warn" if accuracy.low > limit else "pass"
    return Gate("Privacy", f"{column} read off the answers, balanced accuracy", accuracy,
                f"{limit:.2f}", verdict, f"chance {chance:.2f}")  # fmt: skip


def attack_gate(kind: str, rise: Estimate, limit: float) -> Gate:
    """Warn if changes that nobody sees raise the error by more than the limit beyond doubt."""
    verdict: Verdict = "warn" if rise.low > limit else "pass"
    return Gate("Robustness", f"rise of the error, 2 of 255 levels chosen {kind}", rise,
                f"{limit:g}", verdict)  # fmt: skip


def counterfactual_gate(attribute: str, lost: Estimate, limit: float) -> Gate:
    """Fail if answers change with the attribute alone by more than the limit beyond doubt."""
    verdict: Verdict = "pass"
    if lost.value > limit:
        verdict = "fail" if lost.low > limit else "warn"
    return Gate("Fairness", f"change of the answer with {attribute} alone, rendered people", lost,
                f"{limit:g}", verdict, "beyond that of the noise")  # fmt: skip


def membership_gate(area: Estimate) -> Gate:
    """Warn if the loss shows who was in the training: an area above 0.6."""
    verdict: Verdict = "warn" if area.value > 0.6 else "pass"
    return Gate("Privacy", "membership in the training, area under the curve of the loss", area,
                "0.6", verdict)  # fmt: skip


def not_assessed(section: str, figure: str, why: str) -> Gate:
    """A gate without a figure: never a pass."""
    return Gate(section, figure, None, "", "not assessed", why)


def gate_table(gates: list[Gate]) -> Table:
    """All gates, failures first."""
    order = ("fail", "warn", "not assessed", "pass")
    rows: list[tuple[Cell, ...]] = [
        (g.verdict, g.section, g.figure, g.value, g.limit, g.why)
        for g in sorted(gates, key=lambda g: order.index(g.verdict))
    ]
    columns = (("Verdict", "text"), ("Section", "text"), ("Figure", "text"), ("Value", "number"),
               ("Limit", "text"), ("", "text"))  # fmt: skip
    return Table("Gates", columns, tuple(rows), "Passing all gates certifies nothing about people.")  # type: ignore[arg-type]


def risk_of(gates: list[Gate]) -> Risk:
    """High with a failed gate, medium with a warning, low otherwise."""
    failed = [g.figure for g in gates if g.verdict == "fail"]
    warned = [g.figure for g in gates if g.verdict == "warn"]
    open_ = sum(g.verdict == "not assessed" for g in gates)
    rest = f" {open_} gates were not assessed." if open_ else ""
    if failed:
        return Risk("high", f"Failed: {'; '.join(failed)}.{rest}")
    if warned:
        return Risk("medium", f"Warnings: {'; '.join(warned)}.{rest}")
    return Risk("low", f"No gate failed.{rest}")
