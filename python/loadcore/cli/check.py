"""`loadcore check SCENARIO`: what would be done."""


def command() -> int:
    """Loads a scenario and prints the plan."""
    return 0
