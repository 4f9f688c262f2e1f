"""Steps to their plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from loadcore.compiler.bodies import compile_body
from loadcore.compiler.fields import compile_fields
from loadcore.compiler.load import compile_pause
from loadcore.compiler.responses import compile_check, compile_comparison, compile_extract, compile_statuses, describe
from loadcore.compiler.scripts import ScriptRegistry, may_be_script
from loadcore.compiler.settings import compile_redirects, compile_timeouts
from loadcore.compiler.spellings import WORDS, given
from loadcore.engine import MAX_DEPTH
from loadcore.plan.names import default_name
from loadcore.scenario.auth import Anonymous
from loadcore.scenario.checks import Claim
from loadcore.scenario.http import Request
from loadcore.scenario.pauses import Think
from loadcore.scenario.scenario import Branch, Choice, Group, Repeat
from loadcore.wording.kinds import kind_of, shown
from loadcore.wording.suggestions import REQUEST_WORDS, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadcore.compiler.problems import Problems
    from loadcore.plan.document import CheckPlan, Pair, StepPlan
    from loadcore.scenario.auth import Auth
    from loadcore.scenario.place import Place


class FlowCompiler:
    """Compiles the steps of a scenario.

    Args:
        problems: Where to say what is wrong.
        register_auth: Returns the name of an authentication in the plan.
        scripts: Where functions of the user's are kept.
    """

    def __init__(
        self, problems: Problems, register_auth: Callable[[Auth, Place | None], str | None], scripts: ScriptRegistry
    ) -> None:
        self._problems = problems
        self._register_auth = register_auth
        self._scripts = scripts

    def steps(self, steps: object, what: str, place: Place | None, *, depth: int = 0) -> list[StepPlan]:
        """The plans of a list of steps. `what` and `place` say whose steps they are."""
        if may_be_script(steps):
            script = self._scripts.step(steps, what, place)
            return [] if script is None else [script]
        if not isinstance(steps, tuple | list):
            self._problems.add(place, f"{what} is {shown(steps)}: it must be a list of steps")
            return []
        if depth > MAX_DEPTH:
            self._problems.add(place, f"steps are nested more than {MAX_DEPTH} deep")
            return []
        plans = (self._step(step, place, depth) for step in steps)
        return [plan for plan in plans if plan is not None]

    def _step(self, step: object, place: Place | None, depth: int) -> StepPlan | None:
        inner = depth + 1
        match step:
            case Request():
                return self.request(step)
            case Think():
                return cast("StepPlan", {"kind": "think", **compile_pause(step.pause, "think", place, self._problems)})
            case Group():
                plan: StepPlan = {
                    "kind": "group",
                    "name": self._problems.text(step.place, "the group's name", step.name),
                    "steps": self.steps(step.steps, "the group's second argument", step.place, depth=inner),
                }
            case Choice():
                plan = {"kind": "choice", "options": self._choice(step, inner)}
            case Repeat():
                plan = {
                    "kind": "repeat",
                    "times": self._problems.whole(step.place, "the number of repetitions", step.times, least=0),
                    "steps": self.steps(step.steps, "the second argument of repeat", step.place, depth=inner),
                }
            case Branch():
                plan = self._branch(step, inner)
            case _ if may_be_script(step):
                return self._scripts.step(step, "a step", place)
            case _:
                hint = "a step is get(…), post(…), think(…), group(…), choice(…), repeat(…), branch(…) or an async def"
                self._problems.add(place, f"{kind_of(step)} is not a step", hint)
                return None
        return _placed(plan, step.place)

    def _choice(self, step: Choice, depth: int) -> list[tuple[int, list[StepPlan]]]:
        if not step.options:
            self._problems.add(step.place, "a choice needs options", "write choice((4, [get(…)]), (1, [post(…)]))")
        return [
            (
                self._problems.whole(step.place, "the weight of an option", weight),
                self.steps(steps, "an option", step.place, depth=depth),
            )
            for weight, steps in step.options
        ]

    def _branch(self, step: Branch, depth: int) -> StepPlan:
        claim, place = step.claim, step.place
        plan: StepPlan = {"kind": "branch", "variable": "", "test": "exists"}
        if not isinstance(claim, Claim) or claim.subject.kind != "variable":
            hint = 'write branch(variable("role") == "admin", then=[…])'
            self._problems.add(place, "a branch needs a claim about a variable", hint)
        else:
            plan["variable"] = self._problems.text(place, "the branch's variable", claim.subject.argument)
            if claim.compare is not None:
                plan["test"] = {"compare": compile_comparison(claim.compare, describe(claim), place, self._problems)}
        plan["then"] = self.steps(step.then, "then", place, depth=depth)
        if step.otherwise:
            plan["otherwise"] = self.steps(step.otherwise, "otherwise", place, depth=depth)
        return plan

    def request(self, request: Request) -> StepPlan:
        """The plan of a request."""
        problems, place, options = self._problems, request.place, request.options
        for unknown in sorted(options.keys() - WORDS):
            suggestion = did_you_mean(unknown, sorted(WORDS), REQUEST_WORDS)
            problems.add(place, f'a request has no option "{unknown}"{suggestion}')
        method = problems.text(place, "the method", request.method).upper()
        url = problems.text(place, "the URL", request.url)
        name = options.get("name")
        plan: StepPlan = {
            "kind": "request",
            "name": default_name(method, url) if name is None else problems.text(place, "the name", name),
            "method": method,
            "url": url,
        }
        params = given(request, "params", "query", problems)
        if params is not None and params.value:
            plan["query"] = compile_fields(_with_values(params.value), params.word, place, problems)
        if headers := self._headers(request):
            plan["headers"] = headers
        if (body := compile_body(request, problems)) is not None:
            plan["body"] = body
        self._authenticate(plan, request)
        self._look(plan, request)
        timeout = given(request, "timeout", "timeouts", problems)
        if timeout is not None and timeout.value is not None:
            plan["timeouts"] = compile_timeouts(timeout.value, place, problems, timeout.word)
        redirects = given(request, "follow_redirects", "max_redirects", problems)
        if redirects is not None and redirects.word == "max_redirects":
            plan["max_redirects"] = compile_redirects(redirects.value, place, problems)
        elif redirects is not None and not problems.flag(place, "follow_redirects", redirects.value):
            plan["max_redirects"] = 0
        return _placed(plan, place)

    def _headers(self, request: Request) -> list[Pair]:
        """The headers, and cookies as one more."""
        problems, place, options = self._problems, request.place, request.options
        pairs = compile_fields(options["headers"], "headers", place, problems) if options.get("headers") else []
        if options.get("cookies"):
            if any(name.lower() == "cookie" for name, _ in pairs):
                problems.add(place, "cookies and a Cookie header mean the same", "write cookies alone")
            cookies = compile_fields(options["cookies"], "cookies", place, problems)
            pairs.append(("Cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
        return pairs

    def _authenticate(self, plan: StepPlan, request: Request) -> None:
        auth = request.options.get("auth")
        if isinstance(auth, Anonymous):
            plan["anonymous"] = True
        elif auth is not None and (known_as := self._register_auth(auth, request.place)) is not None:
            plan["auth"] = known_as

    def _look(self, plan: StepPlan, request: Request) -> None:
        """What the request expects, checks and extracts."""
        problems, place, options = self._problems, request.place, request.options
        if "expect" in options:
            plan["expect"] = compile_statuses(options["expect"], "expect", place, problems)
        checks = options.get("checks", ())
        if not isinstance(checks, list | tuple):
            problems.add(place, f"checks is {shown(checks)}: it must be a list")
        elif checks:
            looked = (compile_check(check, place, problems) for check in checks)
            plan["checks"] = cast("list[CheckPlan]", [each for each in looked if each])
        extract = options.get("extract", {})
        if not isinstance(extract, dict):
            problems.add(place, f"extract is {shown(extract)}: it must be a dictionary of variables to values")
        elif extract:
            taken = (compile_extract(variable, source, place, problems) for variable, source in extract.items())
            plan["extracts"] = [*taken]


def _with_values(params: object) -> object:
    """Query parameters without those whose value is None."""
    if not isinstance(params, dict):
        return params
    return {name: value for name, value in params.items() if value is not None}


def _placed(plan: StepPlan, place: Place | None) -> StepPlan:
    if place is not None:
        plan["at"] = str(place)
    return plan
