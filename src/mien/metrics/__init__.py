"""Is this number right? Pure functions: `*_rate` and `*_error` lower is better."""

from mien.metrics.calibration import calibration_error, cllr, fit_llr, posterior
from mien.metrics.grouping import BCubed, b_cubed
from mien.metrics.intervals import bootstrap_weights, clopper_pearson, rule_of_three, wilson
from mien.metrics.verification import (
    FoldAccuracy,
    equal_error_rate,
    fmr,
    fnmr,
    fold_accuracy,
    tar_at_far,
    threshold_at_fmr,
)

__all__ = [
    "BCubed",
    "FoldAccuracy",
    "b_cubed",
    "bootstrap_weights",
    "calibration_error",
    "cllr",
    "clopper_pearson",
    "equal_error_rate",
    "fit_llr",
    "fmr",
    "fnmr",
    "fold_accuracy",
    "posterior",
    "rule_of_three",
    "tar_at_far",
    "threshold_at_fmr",
    "wilson",
]
