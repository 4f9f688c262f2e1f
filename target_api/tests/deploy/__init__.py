"""Tests of the scaled-out gateway."""
