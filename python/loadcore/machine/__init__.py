"""This machine: what a load and its target need of it, and what can be seen of both while they run."""
