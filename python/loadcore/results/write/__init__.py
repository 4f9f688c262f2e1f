"""Writing the files of a run while it goes on."""
