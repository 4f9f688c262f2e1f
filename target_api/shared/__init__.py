"""Memory that all workers of one gateway share."""
