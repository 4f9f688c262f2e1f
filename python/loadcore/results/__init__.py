"""What a run leaves behind, by time: its files are written, summed up, and opened again.

What all three share is here: the folder, the columns, the facts of a run, the reader of files that may be cut short.
"""
