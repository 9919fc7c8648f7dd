"""The same with nothing but Python's own library.

RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… python place_call_urllib.py demo +8613900000004
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

API, KEY = os.environ["RINGBRIDGE_API"], os.environ["RINGBRIDGE_API_KEY"]


def ask(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
    return urllib.request.urlopen(urllib.request.Request(API + path, data, headers, method=method), timeout=60)


body = {"caller": sys.argv[1], "callee": sys.argv[2]}
try:
    with ask("POST", "/v1/calls", body, **{"Idempotency-Key": str(uuid.uuid4())}) as answer:
        call = json.load(answer)
except urllib.error.HTTPError as e:
    problem = json.load(e)
    sys.exit(f"{problem['type']}: {problem['detail']}")
print("call", call["id"])
with ask("GET", f"/v1/calls/{call['id']}/events", Accept="text/event-stream") as stream:
    for line in stream:
        if line.startswith(b"event: "):
            print(line.decode().removeprefix("event: ").strip())
