"""Opens a run: finished, running or killed."""
