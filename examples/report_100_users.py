"""The original report's second case: 100 users for two minutes.

It found 46 requests a second, which is again N / (2 s + R): 50 at most.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, users

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(100)]

report = Scenario(
    "report-100-users",
    base_url="http://127.0.0.1:8080",
    load=users(100, duration="120s"),
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
