"""The page of a run in a browser, while it runs and afterwards: served by a process of its own, which only reads."""
