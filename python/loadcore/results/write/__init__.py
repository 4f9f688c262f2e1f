"""Writes the files of a run."""
