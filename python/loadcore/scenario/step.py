"""What the steps of a flow have in common."""


class Step:
    """One step of a flow: a request, a pause, a group, a choice, a repeat or a branch.

    The functions that declare steps (`get`, `think`, `group`, …) make them; a list of them is a `list[Step]`.
    """

    __slots__ = ()
