"""The original report's goal: 1,000 users for two minutes.

The aim was 400 to 500 requests a second, answered in 200 to 500 ms, more than 95 % of them successfully. With pauses of
2 s on average 1,000 users make 500 requests a second at most.
A hundred users a second log in; the figures begin when all are there.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, user_stages

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(1_000)]

report = Scenario(
    "report-1000-users",
    base_url="http://127.0.0.1:8080",
    load=user_stages((1_000, "10s"), (1_000, "120s")),
    warm_up="10s",
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
