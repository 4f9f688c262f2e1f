"""Metrics of a run while it lasts: for Prometheus to scrape, or pushed by OTLP or remote write."""
