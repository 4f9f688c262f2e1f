"""1,000 users of the reference gateway for two minutes.

With pauses of 2 s on average, 1,000 users send 500 requests a second at most. A hundred users a second log in; the
figures begin when all have arrived.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, user_stages

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(1_000)]

scenario = Scenario(
    "users-1000",
    base_url="http://127.0.0.1:8080",
    load=user_stages((1_000, "10s"), (1_000, "120s")),
    warm_up="10s",
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
