"""Hazards from faces, fitted to a cohort that the user brings. Research only."""
