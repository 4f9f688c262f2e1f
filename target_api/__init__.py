"""The reference gateway: a FastAPI target whose truth is known.

People learn load testing on it, `loadcore demo` runs on it, and accuracy tests believe its counters. Start it with
`python -m target_api`; embed it with `target_api.app.create_app(settings)`.
"""
