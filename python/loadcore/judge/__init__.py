"""The rules that a run is judged by: plain numbers in, findings out.

Each file holds one idea. Nothing here reads a file, a clock or a window: `loadcore.results` sums those up and asks.
"""
