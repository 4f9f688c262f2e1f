"""A login, then three calls with its token, each of them checked twice. `plan.yaml` and `script.js` say the same."""

from loadcore import Http, Scenario, get, post, response

TOKEN = {"Authorization": "Bearer {token}"}
CHECKS = [response.status == 200, response.contains('"in_stock":true')]

login = Scenario(
    "login",
    steps=[
        post(
            "/token",
            content=b'{"username":"user-0001","password":"password-0001"}',
            content_type="application/json",
            extract={"token": response.json("$.access_token")},
        ),
        *(get(path, headers=TOKEN, checks=CHECKS) for path in ("/json/1", "/json/2", "/json/3")),
    ],
    http=Http(cookies=False, max_redirects=0),
)
