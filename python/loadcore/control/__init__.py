"""Changing a run from outside while it lasts: a socket in the run folder, and who asks there."""
