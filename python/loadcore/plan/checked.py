"""A plan that the engine has looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from loadcore.engine import Description, check_plan
from loadcore.errors import PlanError
from loadcore.plan.redaction import without_secrets

if TYPE_CHECKING:
    from loadcore.plan.plan import Plan


def checked(plan: Plan) -> Plan:
    """The plan with what the engine says of it. One that was checked is given back as it is.

    Raises:
        PlanError: The engine does not take it; everything that is wrong is listed.
    """
    return plan if plan.description is not None else replace(plan, description=description_of(plan))


def description_of(plan: Plan) -> Description:
    """What the engine says that it will do. Errors as of `checked`."""
    if plan.description is not None:
        return plan.description
    try:
        return check_plan(plan.to_json())
    except PlanError as error:
        raise PlanError(without_secrets(error.problems, plan.document)) from None
