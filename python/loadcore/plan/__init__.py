"""The plan: what a run is to do, as data; what may be shown of it."""
