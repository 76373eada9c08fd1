"""Non-adaptive impersonation through attribute subspheres: an audit of one's own matcher."""
