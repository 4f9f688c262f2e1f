"""A plan made into one of the same shape against the null target, as fast as it goes.

Steps, bodies, templates, checks, extracts, logins, choices and feeders stay. Pauses go, and whatever leads to another
place than the null target: nothing but that is ever sent a request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from loadcore.calibration.answers import FOUND, TOKEN, answer_to
from loadcore.calibration.asked import arrivals_of, arrivals_per_s, users_of
from loadcore.plan.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadcore.plan.document import AuthPlan, ExtractPlan, PlanDocument, ScenarioPlan, StepPlan, WayPlan

MOST_USERS: Final = 1000
"""More connections than this cost a request no more."""
USERS_PER_S: Final = 0.1
"""Users that an open model is measured with for each request a second: as if a target took 100 ms."""

_NS: Final = 1_000_000_000
_DEFAULT_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_ORIGIN: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")


@dataclass(frozen=True)
class Shape:
    """What is measured in place of a plan.

    Attributes:
        plan: The same requests to the null target, whose address is still missing: see `aimed`.
        answers: What the null target answers, by number.
        users: How many users there are.
        not_covered: What of the plan the measurement leaves out, a clause each.
    """

    plan: Plan
    answers: tuple[bytes, ...]
    users: int
    not_covered: tuple[str, ...]

    def aimed(self, url: str) -> Plan:
        """The plan for a null target at this address."""
        scenarios: list[ScenarioPlan] = [{**each, "base_url": url} for each in self.plan.document["scenarios"]]
        return Plan({**self.plan.document, "scenarios": scenarios})


def shape_of(plan: Plan, seconds: float) -> Shape:
    """The shape of a plan, measured for this time."""
    maker = _Maker()
    rate = arrivals_per_s(plan)
    scenarios = plan.document["scenarios"]
    made = [maker.scenario(each, _users(each, rate), seconds) for each in scenarios]
    if any(urlsplit(each["base_url"]).scheme == "https" for each in scenarios):
        maker.not_covered.insert(0, "TLS: the null target speaks plain HTTP")
    document: PlanDocument = {
        **plan.document,
        "warm_up_ns": 0,
        "graceful_stop_ns": _NS,
        "samples": "failures",
        # Rows are dealt out faster than the run will.
        "feeders": [{**each, "at_end": "recycle"} for each in plan.document["feeders"]],
        "auth": [maker.auth(each) for each in plan.document["auth"]],
        "scenarios": made,
    }
    users = sum(users_of(each["load"]) for each in made)
    return Shape(Plan(document), tuple(maker.answers), users, tuple(maker.not_covered))


def _users(scenario: ScenarioPlan, rate: float) -> int:
    """How many users a scenario is measured with. Of open models each gets its share of the requests by its users."""
    load = scenario["load"]
    most = max(1, min(users_of(load), MOST_USERS))
    if "max_users" not in load:
        return most
    own = arrivals_of(scenario)
    wanted = max(1.0, min(rate * USERS_PER_S, MOST_USERS)) * (own / rate if rate else 1.0)
    return max(1, min(most, round(wanted)))


@dataclass
class _Maker:
    """Collects the answers while a plan is changed."""

    answers: list[bytes] = field(default_factory=lambda: [_DEFAULT_ANSWER])
    not_covered: list[str] = field(default_factory=list)

    def scenario(self, scenario: ScenarioPlan, users: int, seconds: float) -> ScenarioPlan:
        """The same scenario with users that never rest."""
        changed: ScenarioPlan = {
            **scenario,
            "load": {"kind": "users", "users": users, "duration_ns": int(seconds * _NS)},
            "start_after_ns": 0,
            "on_start": self._steps(scenario["on_start"], scenario["base_url"]),
            "steps": self._steps(scenario["steps"], scenario["base_url"]),
        }
        changed.pop("pacing", None)
        changed.pop("on_stop", None)
        return changed

    def auth(self, auth: AuthPlan) -> AuthPlan:
        """The same way to authenticate, whose tokens the null target gives."""
        way: WayPlan = {**auth["way"]}
        if "token_url" in way:
            step: StepPlan = {"kind": "request", "name": "token", "method": "POST", "url": way["token_url"]}
            way["token_url"] = self._numbered(step, "", list(_TOKEN_SOURCES))["url"]
        elif "request" in way:
            token: Any = way["token"]
            sources: list[tuple[Any, object]] = [(token, "calibration")]
            if "expires_in" in way:
                sources.append((way["expires_in"], TOKEN["expires_in"]))
            way["request"] = self._numbered(way["request"], "", sources)
        return {**auth, "way": way}

    def _steps(self, steps: Iterable[StepPlan], base_url: str) -> list[StepPlan]:
        # What users in Python send is known to them alone.
        return [self._step(step, base_url) for step in steps if step["kind"] not in {"think", "script"}]

    def _step(self, step: StepPlan, base_url: str) -> StepPlan:
        if step["kind"] == "request":
            return self._numbered(step, base_url, [])
        changed = step.copy()
        for part in ("steps", "then", "otherwise"):
            if part in step:
                changed[part] = self._steps(step[part], base_url)
        if "options" in step:
            changed["options"] = [(weight, self._steps(option, base_url)) for weight, option in step["options"]]
        return changed

    def _numbered(self, step: StepPlan, base_url: str, sources: list[tuple[Any, object]]) -> StepPlan:
        """A request that tells the null target by a number which answer it needs."""
        answer, missing = answer_to(step, sources)
        if missing:
            self.not_covered.append(f"{step['name']}: no response satisfies {', '.join(missing)}")
        number = len(self.answers)
        self.answers.append(answer.to_bytes(step["method"]))
        changed = step.copy()
        changed["url"] = f"/{number}{_local(step['url'], base_url)}"
        # The iteration continues where the response differs from the real one.
        if "checks" in step:
            changed["checks"] = [{"name": each["name"], "claim": each["claim"]} for each in step["checks"]]
        if "extracts" in step:
            changed["extracts"] = [_with_default(each) for each in step["extracts"]]
        return changed


def _with_default(extract: ExtractPlan) -> ExtractPlan:
    if "default" in extract:
        return extract
    return {"variable": extract["variable"], "from": extract["from"], "default": FOUND}


_TOKEN_SOURCES: Final = tuple(({"kind": "json", "path": f"$.{name}"}, value) for name, value in TOKEN.items())


def _local(url: str, base_url: str) -> str:
    """Path and query of a URL, whatever it leads to. A variable in front may hold any place, and becomes a path."""
    if (origin := _ORIGIN.match(url)) is not None:
        path = url[origin.end() :]
    elif url.startswith("{"):
        path = url
    else:
        path = f"{urlsplit(base_url).path.rstrip('/')}/{url.lstrip('/')}"
    return f"/{path.lstrip('/')}"
