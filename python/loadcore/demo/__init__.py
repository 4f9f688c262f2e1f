"""The scenario of `loadcore demo`: read it, copy it, change it."""
