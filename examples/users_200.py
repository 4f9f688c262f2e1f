"""200 users of the reference gateway for two minutes.

Before the first request loadcore computes the file descriptors and ports that 200 users need, and refuses with the
remedy if this machine does not allow them. A hundred users a second log in; the figures begin when all have arrived.
"""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, user_stages

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(200)]

scenario = Scenario(
    "users-200",
    base_url="http://127.0.0.1:8080",
    load=user_stages((200, "2s"), (200, "120s")),
    warm_up="2s",
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("1s", "3s"), get("/items"), think("1s", "3s")],
    thresholds=["errors.rate < 5%", "response.p95 < 500ms", "users.lost == 0"],
)
