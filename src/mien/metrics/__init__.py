"""Error rates, agreement and intervals as pure functions; `*_rate`, `*_error`: lower is better."""

from mien.metrics.agreement import (
    balanced_accuracy,
    concordance,
    confusion,
    icc,
    kappa,
    macro_f1,
    ranked_precision,
    weighted_roc_area,
    weighted_scores,
)
from mien.metrics.calibration import (
    calibration_error,
    cllr,
    fit_llr,
    fit_temperature,
    log_loss,
    posterior,
    tempered,
)
from mien.metrics.detection import Matched, average_precision, match_boxes, precision_recall
from mien.metrics.discard import Discard, area, discard_curve
from mien.metrics.distributions import divergence, entropy, jensen_shannon, softmax
from mien.metrics.estimates import Clusters, Estimate
from mien.metrics.evidence import PavLlr, cross_entropy, doubt_before, least_cllr, reliability
from mien.metrics.fairness import Groups, compare_groups, max_over_geometric_mean
from mien.metrics.grouping import BCubed, b_cubed, b_cubed_each
from mien.metrics.identification import fnir, fpir, ranks
from mien.metrics.intervals import (
    bootstrap_weights,
    clopper_pearson,
    rule_of_three,
    wilson,
    wilson_share,
)
from mien.metrics.liveness import apcer, bpcer, roc_area, threshold_at_apcer
from mien.metrics.pictures import TONES, kernel_distance, psnr, ssim, tone_angle, tone_bin
from mien.metrics.spotting import (
    Interval,
    Spotting,
    SpottingCounts,
    match_intervals,
    overlaps,
    spotting,
)
from mien.metrics.trials import Trials
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
    "TONES",
    "BCubed",
    "Clusters",
    "Discard",
    "Estimate",
    "FoldAccuracy",
    "Groups",
    "Interval",
    "Matched",
    "PavLlr",
    "Spotting",
    "SpottingCounts",
    "Trials",
    "apcer",
    "area",
    "average_precision",
    "b_cubed",
    "b_cubed_each",
    "balanced_accuracy",
    "bootstrap_weights",
    "bpcer",
    "calibration_error",
    "cllr",
    "clopper_pearson",
    "compare_groups",
    "concordance",
    "confusion",
    "cross_entropy",
    "discard_curve",
    "divergence",
    "doubt_before",
    "entropy",
    "equal_error_rate",
    "fit_llr",
    "fit_temperature",
    "fmr",
    "fnir",
    "fnmr",
    "fold_accuracy",
    "fpir",
    "icc",
    "jensen_shannon",
    "kappa",
    "kernel_distance",
    "least_cllr",
    "log_loss",
    "macro_f1",
    "match_boxes",
    "match_intervals",
    "max_over_geometric_mean",
    "overlaps",
    "posterior",
    "precision_recall",
    "psnr",
    "ranked_precision",
    "ranks",
    "reliability",
    "roc_area",
    "rule_of_three",
    "softmax",
    "spotting",
    "ssim",
    "tar_at_far",
    "tempered",
    "threshold_at_apcer",
    "threshold_at_fmr",
    "tone_angle",
    "tone_bin",
    "weighted_roc_area",
    "weighted_scores",
    "wilson",
    "wilson_share",
]
