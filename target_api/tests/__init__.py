"""Tests of the reference gateway; those that need a server start a real one on a free port."""
