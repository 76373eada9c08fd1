"""From a native measure to the 0 to 100 of a quality component."""

import math


def sigmoid(value: float, middle: float, width: float) -> float:
    """Logistic curve in [0, 1], 0.5 at `middle`, rising over `width`.

    Source: Sigmoid in OFIQ 1.x, with which ISO/IEC 29794-5:2025 maps most native measures.
    """
    return 1 / (1 + math.exp(min(max((middle - value) / width, -500.0), 500.0)))


def scalar(value: float) -> float:
    """Keep a component in 0 (worst) to 100 (best).

    We do not round to whole numbers as the standard does: rounding is for those who print.
    """
    return min(max(value, 0.0), 100.0)
