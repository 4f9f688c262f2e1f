"""Finds out how much load an HTTP API takes, and says whether its own answer can be trusted.

What scenario files are written with, all in one place:

    from loadcore import Scenario, get, think, users

    browse = Scenario(
        "browse",
        base_url="http://127.0.0.1:8080",
        load=users(50, duration="60s"),
        steps=[get("/items"), think("1s", "3s")],
    )

Names in capitals are settings (`Scenario`, `Http`, `Timeouts`); all else is a part of a flow.
"""

from loadcore.api import load, run
from loadcore.auth import (
    anonymous,
    api_key,
    basic,
    bearer,
    env,
    login,
    oauth2_client_credentials,
    oauth2_password,
    oauth2_refresh_token,
)
from loadcore.checks import check, response, variable
from loadcore.errors import LoadcoreError
from loadcore.feeders import csv_feeder, json_feeder, json_lines_feeder, rows_feeder
from loadcore.http import (
    Http,
    Limits,
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
from loadcore.load_models import arrival_rate, arrival_stages, iterations, user_stages, users
from loadcore.scenario import Scenario, branch, choice, group, repeat
from loadcore.step import Step
from loadcore.think import every, think
from loadcore.thresholds import Threshold

__all__ = [
    "Http",
    "Limits",
    "LoadcoreError",
    "Scenario",
    "Step",
    "Threshold",
    "Timeouts",
    "Tls",
    "anonymous",
    "api_key",
    "arrival_rate",
    "arrival_stages",
    "basic",
    "bearer",
    "branch",
    "check",
    "choice",
    "csv_feeder",
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
    "post",
    "put",
    "repeat",
    "request",
    "response",
    "rows_feeder",
    "run",
    "think",
    "upload",
    "user_stages",
    "users",
    "variable",
]
