"""A login storm: 1,000 users come back within ten seconds and all of them log in.

The login is the thing measured here, so it is an ordinary step and not the engine's token pool.
"""

from loadcore import Scenario, arrival_stages, check, get, group, post, response, rows_feeder

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(1_000)]

login = post(
    "/auth/token",
    name="login",
    data={"grant_type": "password", "username": "{username}", "password": "{password}"},
    checks=[check(response.json("$.access_token").exists(), name="has a token", stop=True)],
    extract={"token": response.json("$.access_token")},
)
who_am_i = get(
    "/users/me",
    headers={"Authorization": "Bearer {token}"},
    checks=[response.json("$.username") == "{username}"],
)

storm = Scenario(
    "login storm",
    base_url="http://127.0.0.1:8080",
    load=arrival_stages(("200/s", "5s"), ("0/s", "5s"), max_users=1_000),
    feeders=[rows_feeder(accounts, at_end="stop")],
    steps=[group("come back", [login, who_am_i])],
    thresholds=["login: response.p95 < 2s", "checks.rate > 99%", "dropped.count == 0"],
)
