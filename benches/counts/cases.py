"""What one request is in each case whose cost is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benches import answers, plans


@dataclass(frozen=True)
class Case:
    """A kind of request, and what `benches.plans.plan` needs for it."""

    name: str
    changes: dict[str, Any]
    requests_per_user_at_start: int = 0
    at_nginx: bool = False
    """Whether nginx has the same answer."""

    def plan(self, base_url: str, requests: int, users: int) -> dict[str, Any]:
        """A plan of a number of requests by a number of users."""
        return plans.plan(base_url, plans.iterations(requests, users), **self.changes)

    def requests(self, requests: int, users: int) -> int:
        """All requests of that plan, with those that users make at their start."""
        return requests + users * self.requests_per_user_at_start


def _asking(answer: answers.Answer) -> Case:
    return Case(answer.title, {"step": {**plans.STATIC, "url": answer.path}}, at_nginx=True)


STATIC = Case(answers.CONSTANT.title, {}, at_nginx=True)
UNIQUE = _asking(answers.UNIQUE)
REALISTIC = _asking(answers.REALISTIC)
SHIFTING = Case("14 fields, one of another length each time", {"step": {**plans.STATIC, "url": "/shifting"}})
API = Case(f"{answers.API.title}, two checks", {"step": plans.API}, at_nginx=True)
TEMPLATED = Case("templated, one JSON extract, two checks", {"step": plans.TEMPLATED, "on_start": plans.FIRST_ITEM}, 1)
OAUTH2 = Case("OAuth 2.0 bearer token", {"auth": plans.PASSWORD}, 1)
NO_COOKIES = Case("cookies on, none set", {"http": {"cookies": True}})
COOKIES = Case("two cookies", {"http": {"cookies": True}, "on_start": plans.GET_COOKIES}, 1)
