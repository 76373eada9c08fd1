"""The table of a trust report that names how to train the head again with a mitigation."""

from collections.abc import Sequence

from mien.metrics import Estimate
from mien.metrics.findings import Cell, Kind, Table
from mien.systems.trust_faa.gates import Gate
from mien.zoo import systems

MITIGATIONS = ("reweighing", "oversampling")  # that `mien train` knows for groups by a label
TONE = "skin tone"  # in the figure of a gate on rendered people


def retraining(
    model: str, gates: Sequence[Gate], columns: Sequence[str], kind: Kind
) -> Table | None:
    """Return one row per group that failed or warned, with the command that trains against it.

    Args:
        model: name of the card that was audited.
        gates: of the report.
        columns: that were compared.
        kind: of the gap.

    Returns:
        None if nothing failed or warned, or the head is trained by no command with a mitigation.
    """
    if not trains_with_groups(model):
        return None
    found = [(gate, _column(gate, columns)) for gate in gates if gate.verdict in ("fail", "warn")]
    rows: list[tuple[Cell, ...]] = [
        (
            column,
            gate.value if isinstance(gate.value, Estimate) else None,
            f"mien train {model} --data FOLDER --out runs/{kind_} --set mitigate={kind_} "
            f"--set group={column}",
        )
        for gate, column in found
        if column
        for kind_ in MITIGATIONS
    ]
    if not rows:
        return None
    return Table(
        "Mitigations",
        (("Group", "text"), ("Gap as it is", kind), ("Train again with", "text")),
        tuple(rows),
        "FOLDER is the data set of the training; it must have that label, or colours for the tone. "
        "Then run this report on runs/... with the same pictures: a gap that another data set "
        "lost says nothing about this one. What each costs: the page of trust-faa.",
    )


def trains_with_groups(model: str) -> bool:
    """Whether `mien train` of that card has the setting `mitigate`; torch is not imported."""
    system = systems().get(model)
    if system is None or not system.has("train"):
        return False
    return "\n    mitigate: Draws" in (system.folder / "train.py").read_text("utf-8")


def _column(gate: Gate, columns: Sequence[str]) -> str:
    """The setting `group` for a gate on groups; "" for other gates, people and bands."""
    if gate.section != "Fairness":
        return ""
    if TONE in gate.figure:
        return "tone"
    named = gate.figure.removeprefix("largest gap by ")
    usable = named in columns and named != "person" and not named.endswith(" band")
    return named if usable else ""
