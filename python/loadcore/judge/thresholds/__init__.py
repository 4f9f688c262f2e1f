"""Thresholds: claims about the whole run that decide the exit code. `grammar` says how they are written."""
