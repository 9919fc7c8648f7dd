"""The same with nothing but Python's own library.

RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… python3 place_call_urllib.py demo +8613900000026
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid

API, KEY = os.environ.get("RINGBRIDGE_API"), os.environ.get("RINGBRIDGE_API_KEY")
if len(sys.argv) != 3 or not API or not KEY:
    sys.exit("usage: place_call_urllib.py CALLER CALLEE, with RINGBRIDGE_API and RINGBRIDGE_API_KEY in the environment")


def ask(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **headers}
    try:
        return urllib.request.urlopen(urllib.request.Request(API + path, data, headers, method=method), timeout=60)
    except urllib.error.HTTPError as e:
        problem = json.load(e)
        sys.exit(f"{problem['type']}: {problem['detail']}")
    except OSError as e:
        sys.exit(f"{API} does not answer: {e}")


body = {"caller": sys.argv[1], "callee": sys.argv[2]}
with ask("POST", "/v1/calls", body, **{"Idempotency-Key": str(uuid.uuid4())}) as answer:
    call = json.load(answer)
print("call", call["id"])
with ask("GET", f"/v1/calls/{call['id']}/events", Accept="text/event-stream") as stream:
    for line in stream:
        if line.startswith(b"event: call."):
            print(line.decode().removeprefix("event: ").strip())
with ask("GET", f"/v1/calls/{call['id']}") as answer:
    ended = json.load(answer)
print(ended["reason"], ended["charged_s"], "s charged")
