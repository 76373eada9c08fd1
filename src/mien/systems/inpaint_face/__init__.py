"""Restore or enlarge faces in photographs taken under bad conditions."""
