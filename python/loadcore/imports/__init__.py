"""Scenarios out of what a team has already: recordings, API descriptions, collections, commands, k6 options."""
