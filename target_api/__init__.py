"""The reference gateway: a FastAPI target whose truth is known.

People learn load testing on it, `loadcore demo` runs on it, and accuracy tests believe its counters. Start it with
`python -m loadcore_target`; embed it with `loadcore_target.app.create_app(settings)`.
"""
