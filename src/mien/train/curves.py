"""Plot the curves of a training."""

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from mien.errors import extra
from mien.media import write_bytes

BESIDES = ("epoch", "rate", "seconds")  # columns of the log without a curve


def draw_curves(history: Sequence[dict[str, float]], path: Path) -> None:
    """Draw each column of a log over the epochs, one small plot per column.

    Args:
        history: one row per epoch, as `fit` returns them.
        path: of the PNG.
    """
    # The object interface: no window system, and no global state shared with a user's own plots.
    with extra("plots", "A plot"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    names = [n for n in dict.fromkeys(k for row in history for k in row) if n not in BESIDES]
    across = min(3, len(names))
    down = math.ceil(len(names) / across)
    figure = Figure(figsize=(4 * across, 3 * down), layout="constrained")
    FigureCanvasAgg(figure)
    for number, name in enumerate(names):
        axes = figure.add_subplot(down, across, number + 1)
        axes.plot(
            [row["epoch"] for row in history],
            [row.get(name, math.nan) for row in history],
            marker="." if len(history) < 30 else None,
        )
        axes.set(title=name, xlabel="epoch")
        axes.grid(alpha=0.3)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_bytes(path, content.getvalue())
