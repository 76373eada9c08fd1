"""Bodies and hands as skeletons, and as capsules around their bones."""
