"""Whether a head looks at one face at a time."""
