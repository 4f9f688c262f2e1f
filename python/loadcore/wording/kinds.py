"""What a value is, in words, for messages about values that may be or hold a secret."""

from __future__ import annotations


def kind_of(value: object) -> str:
    """The kind of a value: `a list`, `an int`, `None`."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def shown(value: object) -> str:
    """A value of the wrong kind, for a message: numbers, truth values and None as they are, else its kind.

    What stands where it does not belong may be, or hold, a secret.
    """
    return repr(value) if value is None or isinstance(value, bool | int | float) else kind_of(value)
