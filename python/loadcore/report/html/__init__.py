"""The report of a run as one page that needs nothing else: no network, no file beside it."""
