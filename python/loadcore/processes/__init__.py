"""The processes of a run: a supervisor, its workers, and what they say to each other."""
