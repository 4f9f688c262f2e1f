"""An open model: 200 iterations are started every second, whatever the gateway does.

The rate rises for ten seconds and holds for thirty. If the gateway becomes slow, response times say what clients who
wait see, and arrivals that find all users busy are counted as dropped.
"""

from loadcore import Scenario, Threshold, arrival_stages, get, oauth2_client_credentials

browse = Scenario(
    "browse",
    base_url="http://127.0.0.1:8080",
    warm_up="10s",
    load=arrival_stages(("200/s", "10s"), ("200/s", "30s"), max_users=500, arrivals="poisson"),
    auth=oauth2_client_credentials(
        token_url="/auth/token", client_id="demo-client", client_secret="demo-secret", shared=4
    ),
    steps=[get("/items", params={"limit": 10})],
    thresholds=[
        "throughput > 195/s",
        "response.p99 < 250ms",
        "dropped.rate < 1%",
        "errors.rate < 1%",
        Threshold("errors.rate < 50%", abort_after="5s"),
    ],
)
