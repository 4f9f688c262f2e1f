"""Locust files: the real Locust runs them, with loadcore's engine under its clients.

Nothing in this package may be imported by the supervisor, the API or a notebook, except what does not import Locust:
importing Locust changes `socket`, `threading` and more for the whole process.
"""
