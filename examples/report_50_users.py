"""The original report's first case: 50 users for a minute.

It found 23 requests a second. Users who pause 2 s on average between two requests make 50 / (2 s + R) = 25 requests a
second at most, whatever the gateway: the figure is that of the users.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, users

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(50)]

report = Scenario(
    "report-50-users",
    base_url="http://127.0.0.1:8080",
    load=users(50, duration="60s"),
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
