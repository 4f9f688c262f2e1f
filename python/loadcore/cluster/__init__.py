"""Many machines: an agent on each node, and an executor that sees their workers as if they were here."""
