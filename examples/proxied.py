"""Users of a service behind the reference gateway: how long the way through it takes, however many replicas it has.

Start the gateway with its upstream first: `loadcore target up --replicas 3`. With `--autoscale 1:4` in place of that,
and `-u 5:5s,75:30s,5:20s` here, replicas come and go with the load.
"""

from loadcore import Scenario, get, oauth2_password, response, rows_feeder, think, users

THRESHOLDS = ["errors.rate < 1%", "response.p95 < 500ms"]

accounts = rows_feeder(
    [{"username": f"user-{number:04}", "password": f"password-{number:04}"} for number in range(1000)], order="per_user"
)

proxied = Scenario(
    "proxied",
    base_url="http://127.0.0.1:8080",
    load=users(50, duration="30s"),
    warm_up="5s",
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    feeders=[accounts],
    steps=[
        get("/proxy/stub/orders", checks=[response.status == 200]),
        think("200ms", "600ms"),
    ],
)
