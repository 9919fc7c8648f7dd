"""Places a call and follows it until it has ended, with the client that comes with Ringbridge.

RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… python place_call.py demo +8613900000004
"""

import os
import sys

from ari_app.client import ApiError, Ringbridge

ringbridge = Ringbridge(os.environ["RINGBRIDGE_API"], os.environ["RINGBRIDGE_API_KEY"])
caller, callee = sys.argv[1:]
try:
    # Asked again by itself where an answer is lost: with its Idempotency-Key that is the same call.
    call = ringbridge.place_call(caller, callee, metadata={"order": "A-1001"})
except ApiError as e:
    sys.exit(f"{e.type}: {e.detail}")  # such as balance-empty; e.message is for your user
print("call", call.id)
for event in ringbridge.follow(call.id):
    print(event.type)
ended = ringbridge.show_call(call.id)
print(ended.reason, ended.charged_s, "s charged")
