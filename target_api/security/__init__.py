"""Passwords, keys, tokens, grants and scopes."""
