"""Test data from a file, a flow with choices, and values that go from one response into the next request."""

from loadcore import (
    Scenario,
    branch,
    choice,
    csv_feeder,
    get,
    group,
    iterations,
    oauth2_password,
    post,
    repeat,
    response,
    rows_feeder,
    think,
    variable,
)

browse = [
    repeat(3, [get("/items", params={"cursor": "{$random(0,180)}"}, name="browse"), think("200ms", "800ms")]),
]
order = group(
    "order",
    [
        get(
            "/items",
            name="find an item",
            checks=[response.status == 200, response.json("$.items[0].stock") > 0],
            extract={"item_id": response.json("$.items[0].id"), "next": response.json("$.next_cursor").default("")},
        ),
        post(
            "/orders",
            headers={"Idempotency-Key": "{$uuid}"},
            json={"item_id": "{item_id:json}", "quantity": "{quantity:json}"},
            expect=201,
            extract={"order_id": response.json("$.id")},
        ),
        get("/orders/{order_id}", checks=[response.json("$.status") == "created", response.service_time < "1s"]),
    ],
)

shoppers = Scenario(
    "shoppers",
    base_url="http://127.0.0.1:8080",
    load=iterations(each=5, users=10),
    feeders=[
        csv_feeder("data_driven.csv", order="unique"),
        rows_feeder([{"quantity": 1}, {"quantity": 2}, {"quantity": 5}], order="random"),
    ],
    auth=oauth2_password(token_url="/auth/token", username="{username}", password="{password}"),
    steps=[
        choice((3, browse), (1, [order])),
        branch(variable("segment") == "staff", then=[get("/users/me")], otherwise=[think("500ms")]),
    ],
    thresholds=["POST /orders: response.p95 < 500ms", "checks.rate > 99%"],
)
