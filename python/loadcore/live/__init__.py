"""Views of a running run. They listen to merged snapshots and never hold the run up."""
