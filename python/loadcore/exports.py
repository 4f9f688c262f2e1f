"""What `from loadcore import …` gives: everything that scenario files are written with, and results are opened with."""

from loadcore.api import compare, debug, load, run
from loadcore.errors import LoadcoreError
from loadcore.live.listeners import Listener
from loadcore.results.open.run import Run
from loadcore.results.summary_types import Summary
from loadcore.scenario.auth import (
    Auth,
    anonymous,
    api_key,
    basic,
    bearer,
    oauth2_client_credentials,
    oauth2_password,
    oauth2_refresh_token,
)
from loadcore.scenario.checks import Claim, check, response, variable
from loadcore.scenario.feeders import Feeder, csv_feeder, json_feeder, json_lines_feeder, rows_feeder
from loadcore.scenario.http import (
    Http,
    Limits,
    Request,
    Timeouts,
    Tls,
    delete,
    get,
    head,
    options,
    patch,
    post,
    put,
    request,
    upload,
)
from loadcore.scenario.load_models import Load, arrival_rate, arrival_stages, iterations, user_stages, users
from loadcore.scenario.login import login
from loadcore.scenario.pauses import every, think
from loadcore.scenario.scenario import Scenario, branch, choice, group, repeat
from loadcore.scenario.step import Step
from loadcore.scenario.threshold import Threshold
from loadcore.scenario.values import env
from loadcore.scripting.client import Client
from loadcore.scripting.failures import IterationFailed
from loadcore.scripting.per_worker import per_worker
from loadcore.scripting.user import User, task

__all__ = [
    "Auth",
    "Claim",
    "Client",
    "Feeder",
    "Http",
    "IterationFailed",
    "Limits",
    "Listener",
    "Load",
    "LoadcoreError",
    "Request",
    "Run",
    "Scenario",
    "Step",
    "Summary",
    "Threshold",
    "Timeouts",
    "Tls",
    "User",
    "anonymous",
    "api_key",
    "arrival_rate",
    "arrival_stages",
    "basic",
    "bearer",
    "branch",
    "check",
    "choice",
    "compare",
    "csv_feeder",
    "debug",
    "delete",
    "env",
    "every",
    "get",
    "group",
    "head",
    "iterations",
    "json_feeder",
    "json_lines_feeder",
    "load",
    "login",
    "oauth2_client_credentials",
    "oauth2_password",
    "oauth2_refresh_token",
    "options",
    "patch",
    "per_worker",
    "post",
    "put",
    "repeat",
    "request",
    "response",
    "rows_feeder",
    "run",
    "task",
    "think",
    "upload",
    "user_stages",
    "users",
    "variable",
]
