"""Micro-expressions and action units from the motion between onset and apex."""
