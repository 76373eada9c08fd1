"""A real photograph that moves its face by known amounts."""
