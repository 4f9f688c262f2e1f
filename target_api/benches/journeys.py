"""One journey as each tool's own manual says to write it: log in once, then one request after another.

All of them read the same variables: `TARGET`, `USERS`, `RAMP_S`, `STEADY_S`. Ten requests of a user are on average four
through to the upstream, two for a list of items, two for one item, two for its own data; 1 to 3 s pass after each.
"""

from __future__ import annotations

import json

LOGIN = "POST /auth/token"
PROXIED = "GET /proxy"

LOADCORE = """\
import os

from loadcore import Scenario, choice, get, oauth2_password, rows_feeder, think, user_stages

USERS = int(os.environ["USERS"])
accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(USERS)]
journey = Scenario(
    "journey",
    base_url=os.environ["TARGET"],
    load=user_stages((USERS, os.environ["RAMP_S"] + "s"), (USERS, os.environ["STEADY_S"] + "s")),
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    feeders=[rows_feeder(accounts, order="per_user")],
    steps=[
        choice(
            (4, [get("/proxy/stub/orders", name="GET /proxy")]),
            (2, [get("/items?limit=20", name="GET /items")]),
            (2, [get("/items/{$random(1,1000)}", name="GET /items/{id}")]),
            (2, [get("/users/me", name="GET /users/me")]),
        ),
        think("1s", "3s"),
    ],
)
"""

LOCUST = """\
import itertools
import random

from locust import USER_CLASS, between, task
from locust.exception import StopUser

number = itertools.count()


class Journey(USER_CLASS):
    wait_time = between(1, 3)

    def on_start(self):
        n = next(number)
        form = {"grant_type": "password", "username": f"user-{n:04}", "password": f"password-{n:04}"}
        answer = self.client.post("/auth/token", data=form, name="POST /auth/token")
        if answer.status_code != 200:
            raise StopUser
        self.headers = {"Authorization": "Bearer " + answer.json()["access_token"]}

    @task(4)
    def proxied(self):
        self.client.get("/proxy/stub/orders", headers=self.headers, name="GET /proxy")

    @task(2)
    def items(self):
        self.client.get("/items?limit=20", headers=self.headers, name="GET /items")

    @task(2)
    def item(self):
        self.client.get(f"/items/{random.randint(1, 1000)}", headers=self.headers, name="GET /items/{id}")

    @task(2)
    def me(self):
        self.client.get("/users/me", headers=self.headers, name="GET /users/me")
"""

K6 = """\
import http from "k6/http";
import { sleep } from "k6";

const users = Number(__ENV.USERS);
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ["avg", "med", "p(95)"],
  scenarios: {
    journey: {
      executor: "ramping-vus",
      startVUs: 0,
      stages: [{ duration: __ENV.RAMP_S + "s", target: users }, { duration: __ENV.STEADY_S + "s", target: users }],
      gracefulStop: "0s",
    },
  },
  thresholds: {
    "http_reqs{kind:api}": [],
    "http_req_failed{kind:api}": [],
    "http_req_duration{kind:api}": [],
    "http_req_duration{name:GET /proxy}": [],
  },
};

let headers = null;

function get(path, name) {
  http.get(__ENV.TARGET + path, { headers: headers, tags: { kind: "api", name: name } });
}

export default function () {
  if (headers === null) {
    const n = String(__VU - 1).padStart(4, "0");
    const form = { grant_type: "password", username: `user-${n}`, password: `password-${n}` };
    const answer = http.post(`${__ENV.TARGET}/auth/token`, form, { responseType: "text" });
    if (answer.status !== 200) {
      sleep(1);
      return;
    }
    headers = { Authorization: "Bearer " + answer.json("access_token") };
  }
  const draw = Math.random() * 10;
  if (draw < 4) get("/proxy/stub/orders", "GET /proxy");
  else if (draw < 6) get("/items?limit=20", "GET /items");
  else if (draw < 8) get(`/items/${1 + Math.floor(Math.random() * 1000)}`, "GET /items/{id}");
  else get("/users/me", "GET /users/me");
  sleep(1 + Math.random() * 2);
}
"""


def k9(target: str, users: int, ramp_s: int, steady_s: int) -> str:
    """k9-load's plan, its fastest tier: no Python runs. Its plans know fixed pauses only, so this one has 2 s."""

    def flow(path: str, name: str) -> list[object]:
        request = {
            "url": target + path,
            "name": name,
            "headers": {"Authorization": "Bearer {{ token }}"},
            "tags": {"kind": "api"},
        }
        return [{"request": request}, {"sleep": "2s"}]

    login = {
        "method": "POST",
        "url": f"{target}/auth/token",
        "name": LOGIN,
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": "grant_type=password&username=user-{{ accounts.n }}&password=password-{{ accounts.n }}",
        "extract": {"token": {"json": "$.access_token"}},
    }
    # What has a threshold has a row of its own in the summary. These always hold.
    always = {
        "http_reqs{kind:api}": "count>=0",
        "http_req_failed{kind:api}": "rate<=1",
        "http_req_duration{kind:api}": "p(95)>=0",
        f"http_req_duration{{name:{PROXIED}}}": "p(95)>=0",
    }
    plan = {
        "options": {
            "discardResponseBodies": True,
            "summaryTrendStats": ["avg", "med", "p(95)"],
            "thresholds": {name: [expression] for name, expression in always.items()},
            "scenarios": {
                "journey": {
                    "executor": "ramping-vus",
                    "stages": [
                        {"duration": f"{ramp_s}s", "target": users},
                        {"duration": f"{steady_s}s", "target": users},
                    ],
                    "gracefulStop": "0s",
                    "onStart": "login",
                    "transactions": {"proxied": 4, "items": 2, "item": 2, "me": 2},
                }
            },
        },
        "feeders": {"accounts": {"rows": [{"n": f"{n:04}"} for n in range(users)], "mode": "per-vu"}},
        "flows": {
            "login": [{"request": login}],
            "proxied": flow("/proxy/stub/orders", PROXIED),
            "items": flow("/items?limit=20", "GET /items"),
            "item": flow("/items/{{ randomInt(1, 1000) }}", "GET /items/{id}"),
            "me": flow("/users/me", "GET /users/me"),
        },
    }
    return json.dumps(plan, indent=1)
