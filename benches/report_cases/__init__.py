"""The cases of the report that loadcore grew from, measured again: users, workers, replicas, balancers, caches."""
