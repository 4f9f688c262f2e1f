"""An API gateway: a pool of tokens, personas by weight, pages until there is no next, and signed payments."""

import hashlib
import hmac
import json
import time

from loadcore import (
    Client,
    Scenario,
    arrival_rate,
    choice,
    csv_feeder,
    env,
    get,
    oauth2_client_credentials,
    think,
)

KEY = env("SIGNING_KEY")


async def read_all(c: Client) -> None:
    """Reads every page."""
    cursor: str | None = ""
    while cursor is not None:
        page = await c.get("/v1/invoices", params={"cursor": cursor, "limit": 50}, expect=[200, 429])
        if page.status == 429:
            await c.sleep(page.retry_after or "1s")
            continue
        cursor = page.json("$.next_cursor", default=None)
        await c.think("2ms", "8ms")


async def pay(c: Client) -> None:
    """Pays one of the open invoices; the body is signed."""
    found = await c.get("/v1/invoices", params={"state": "open", "account": c.row["account"]})
    invoice = c.random.choice(found.json("$.items"))
    body = json.dumps({"invoice": invoice["id"], "amount": invoice["due"]})
    stamp = str(int(time.time()))
    mac = hmac.new(KEY.value.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    paid = await c.post(
        "/v1/invoices/{id}/payments",
        invoice["id"],
        content=body,
        expect=[201, 409],
        headers={"Content-Type": "application/json", "X-Signature": f"t={stamp},v1={mac}"},
    )
    c.check(paid.status == 409 or paid.json("$.state") == "settled", "settled or already paid")


gateway = Scenario(
    "gateway",
    base_url="http://127.0.0.1:9",
    load=arrival_rate("60/s", duration="1s", max_users=20),
    auth=oauth2_client_credentials(token_url="/oauth/token", client_id="b", client_secret=env("SECRET"), shared=4),
    feeders=[csv_feeder("accounts.csv", order="shuffled")],
    steps=[choice((7, [get("/v1/me"), think("1ms")]), (2, read_all), (1, pay))],
    thresholds=["errors.rate < 1%", "POST /v1/invoices/{id}/payments: errors.rate < 1%", "checks.failed == 0"],
)
