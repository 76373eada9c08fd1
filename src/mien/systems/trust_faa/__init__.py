"""Trust report on a head: fairness, calibration, robustness, explanations, leakage, gates."""
