"""Whether one set of runs differs from another: the run is the sample, never the request.

Requests of one run depend on one another, and the machine drifts between runs: tests over requests call nearly every
pair of identical runs different. So each run counts as one number for each metric.
"""
