"""Measures the gateway under load: users, workers, replicas, balancers, caches, and what other clients say of it."""
