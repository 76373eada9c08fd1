"""Hazards from faces, fitted to the user's own cohort. Research only."""
