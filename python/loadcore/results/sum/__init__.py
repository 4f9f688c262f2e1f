"""Summing a run up: windows added together, what they say, and what is judged by them."""
