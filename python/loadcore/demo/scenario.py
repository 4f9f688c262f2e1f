"""What `loadcore demo` runs: a thousand users log in to the reference gateway and go shopping.

It runs on its own too: start the gateway with `loadcore target up`, then `loadcore run scenario.py`.
"""

from loadcore import Scenario, choice, get, oauth2_password, post, response, rows_feeder, think, user_stages

THRESHOLDS = ["errors.rate < 1%", "checks.rate > 99%", "response.p95 < 500ms", "users.lost == 0"]

accounts = rows_feeder(
    [{"username": f"user-{number:04}", "password": f"password-{number:04}"} for number in range(1000)], order="per_user"
)

shop = Scenario(
    "shop",
    base_url="http://127.0.0.1:8080",
    load=user_stages((1000, "10s"), (1000, "20s")),
    warm_up="10s",
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    feeders=[accounts],
    steps=[
        get("/users/me", checks=[response.json("$.username").exists()]),
        think("1s", "3s"),
        get("/items?limit=10", extract={"item_id": response.json("$.items[0].id")}),
        think("1s", "3s"),
        choice(
            (4, [get("/items/{item_id}", checks=[response.status == 200])]),
            (1, [post("/orders", json={"item_id": "{item_id:json}", "quantity": 1}, expect=201)]),
        ),
        think("1s", "3s"),
    ],
)
