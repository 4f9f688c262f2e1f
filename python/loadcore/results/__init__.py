"""What a run leaves behind: the folder, its files, and the numbers read from them.

`schema` names the columns, `writer` and `reader` move them to and from disk, `totals` adds windows up, `summary`
turns totals into `summary.json`, `manifest` seals the folder, `load` opens one again.
"""
