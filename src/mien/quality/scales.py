"""Mapping of native measures to quality components from 0 to 100."""

import math


def sigmoid(value: float, middle: float, width: float) -> float:
    """Compute a logistic curve in [0, 1], 0.5 at `middle`, rising over `width`.

    Source: Sigmoid in OFIQ 1.x, with which ISO/IEC 29794-5:2025 maps most native measures.
    """
    return 1 / (1 + math.exp(min(max((middle - value) / width, -500.0), 500.0)))


def scalar(value: float) -> float:
    """Limit a component to 0 (worst) to 100 (best).

    It is not rounded to whole numbers as in the standard; output functions round.
    """
    return min(max(value, 0.0), 100.0)
