"""A scenario file that uses every declaration once."""

from loadcore import (
    Http,
    Limits,
    Scenario,
    Threshold,
    Timeouts,
    Tls,
    anonymous,
    api_key,
    arrival_rate,
    arrival_stages,
    basic,
    bearer,
    branch,
    check,
    choice,
    csv_feeder,
    delete,
    env,
    every,
    get,
    group,
    head,
    iterations,
    json_feeder,
    json_lines_feeder,
    login,
    oauth2_client_credentials,
    oauth2_password,
    oauth2_refresh_token,
    options,
    patch,
    post,
    put,
    repeat,
    request,
    response,
    rows_feeder,
    think,
    upload,
    user_stages,
    users,
    variable,
)

THRESHOLDS = ["errors.rate < 1%", Threshold("errors.rate < 50%", abort_after="10s")]

shop = Scenario(
    "shop",
    base_url="https://gateway.test/api/",
    http=Http(
        version="1.1",
        timeouts=Timeouts(connect="1s", first_byte="2s", total="10s"),
        reuse="iteration",
        limits=Limits(
            head="8KiB", header_count=64, body="10MB", chunk_extensions="1KiB", trailers="2KiB", interim_count=4
        ),
        tls=Tls(ca_file="everything.pem", server_name="inner.test", resumption="full"),
        max_redirects=3,
        cookies=False,
        user_agent="tests",
        upstream_header="X-Upstream-Response-Time=s",
        trace_sample="1%",
    ),
    warm_up="5s",
    graceful_stop="10s",
    load=user_stages((100, "10s"), (100, "1m"), (0, "0s"), start=1),
    start_after="500ms",
    pacing=every("1s", "2s"),
    headers={"Accept": "application/json", "X-Tag": ["a", "b"]},
    auth=oauth2_password(
        token_url="/auth/token",
        username="{username}",
        password="{password}",
        client=("shop", env("SHOP_SECRET")),
        scope="items orders",
        shared=8,
        refresh_before="1m",
    ),
    feeders=[
        csv_feeder("everything.csv", order="unique"),
        json_feeder("everything.json", order="random"),
        json_lines_feeder("everything.jsonl", order="shuffled", at_end="stop"),
        rows_feeder(
            [{"sku": "a", "price": 1.5, "count": 2, "new": True, "note": None}], order="per_user", at_end="fail"
        ),
    ],
    on_start=[post("/hello", form={"name": "{username}", "tag": ["x", "y"], "on": True, "n": 1}, auth=anonymous)],
    steps=[
        get(
            "/items?limit=20",
            query={"page": 1, "q": "{sku}"},
            headers={"X-Sku": "{sku}"},
            expect=["2xx", 304],
            checks=[
                response.status == 200,
                response.status != "5xx",
                response.status < 400,
                response.status.one_of(200, "3xx"),
                response.header("Content-Type").exists(),
                response.header("Content-Type") == "application/json",
                response.json("$.items[0].id").exists(),
                response.json("$.total") >= 1,
                response.json("$.owner") == "{username}",
                response.contains("items"),
                response.regex(r"id\W+\d+").exists(),
                response.size <= "64KiB",
                response.service_time < "1s500ms",
                check(response.json("$.items") != None, name="has items", stop=True),  # noqa: E711 - JSON's null
            ],
            extract={
                "item_id": response.json("$.items[0].id"),
                "page": response.regex(r"page=(\d+)").default("1"),
                "etag": response.header("ETag").default(""),
            },
            timeouts=Timeouts(total="3s"),
            max_redirects=0,
        ),
        think("250ms"),
        think("1s", "3s"),
        think(mean="2s"),
        group("order", [put("/cart", json={"item": "{item_id}", "n": [1, 2.5, None, True]}), head("/cart")]),
        choice((3, [options("/items")]), (1, [delete("/items/{item_id}"), think("1s")])),
        repeat(2, [patch("/cart", text="<n>1</n>", content_type="application/xml")]),
        branch(
            variable("etag").exists(),
            then=[request("PURGE", "https://other.test/x?y=1#z", auth=bearer(env("TOKEN")))],
            otherwise=[branch(variable("page") == 1, then=[get("/", name="home", auth=basic("u", "p"))])],
        ),
        post("/raw", content=b"\x00\xff", auth=api_key("k", header="X-API-Key")),
        post(
            "/files",
            multipart={
                "title": "{sku}",
                "file": upload("everything.csv", content_type="text/csv"),
                "more": upload(b"\x01"),
            },
            auth=api_key(env("KEY"), query="key"),
        ),
    ],
)

_client = oauth2_client_credentials(token_url="https://login.test/token", client_id="id", client_secret=env("SECRET"))

machines = Scenario(
    "machines",
    base_url="http://127.0.0.1:8080",
    load=arrival_rate("400/s", duration="1m", arrivals="poisson"),
    auth=_client,
    steps=[get("/items")],
    thresholds=["GET /items: response.p95 < 500ms", "dropped.rate < 1%"],
)
wave = Scenario(
    "wave",
    base_url="http://127.0.0.1:8080",
    load=arrival_stages(("0.5/s", "10s"), ("1200/min", "1m"), start="1/h", max_users=50),
    auth=_client,
    steps=[get("/items")],
)
renew = Scenario(
    "renew",
    base_url="http://127.0.0.1:8080",
    load=users(10, duration="1h"),
    pacing=every(mean="5s"),
    auth=oauth2_refresh_token(token_url="/auth/token", refresh_token=env("REFRESH"), client=("a", "b")),
    steps=[get("/users/me")],
)
badges = Scenario(
    "badges",
    base_url="http://127.0.0.1:8080",
    load=users(10, duration="1h"),
    auth=login(
        post("/session", json={"name": "ann", "password": "p"}, auth=basic("key", "")),
        token=response.json("$.token"),
        expires_in=response.header("X-Expires"),
        header="X-Session",
        prefix="",
        shared=2,
    ),
    steps=[
        get("/users/me"),
        get("/items", auth=login(get("/badge"), token=response.regex("b=([0-9]+)"), expires_in="15m")),
        get(
            "/orders",
            auth=oauth2_password(
                token_url="/auth/token",
                username="u",
                password="p",
                client="spa",
                form={"audience": "orders", "realm": env("REALM")},
                headers={"X-Api-Key": "k"},
            ),
        ),
        get(
            "/self", auth=oauth2_client_credentials(token_url="/t", client_id="c", client_secret="s", client_in="body")
        ),
    ],
)
batch = Scenario("batch", base_url="http://127.0.0.1:8080", load=iterations(total=100, users=5), steps=[get("/")])
each = Scenario(
    "each", base_url="http://[::1]:8080", load=iterations(each=2, users=5, max_duration="1m"), steps=[get("/")]
)
