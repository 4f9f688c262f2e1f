"""Reports: each module renders the summary of a run as text of one kind. Writing it somewhere is for the caller."""
