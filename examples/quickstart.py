"""Twenty users log in to the reference gateway and use it for fifteen seconds."""

from loadcore import Scenario, get, oauth2_password, rows_feeder, think, users

accounts = [{"username": f"user-{n:04}", "password": f"password-{n:04}"} for n in range(20)]

quickstart = Scenario(
    "quickstart",
    base_url="http://127.0.0.1:8080",
    load=users(20, duration="15s"),
    feeders=[rows_feeder(accounts, order="unique")],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[get("/users/me"), think("100ms", "500ms"), get("/items")],
)
