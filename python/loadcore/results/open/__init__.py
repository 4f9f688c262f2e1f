"""Opening a run that has finished, goes on, or was killed."""
