"""50 users of the reference gateway for a minute.

Users who pause 2 s on average between two requests send 50 / (2 s + R) = 25 requests a second at most, however fast the
gateway is.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, users

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(50)]

scenario = Scenario(
    "users-50",
    base_url="http://127.0.0.1:8080",
    load=users(50, duration="60s"),
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
