"""Declarations: what scenario files are written with."""
