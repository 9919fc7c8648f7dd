"""Places a call and follows it until it has ended, with the client that comes with Ringbridge.

RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… python place_call.py demo +8613900000026
"""

import os
import sys

from ari_app.client import ApiError, Retry, Ringbridge, Unreachable

api, key = os.environ.get("RINGBRIDGE_API"), os.environ.get("RINGBRIDGE_API_KEY")
if len(sys.argv) != 3 or not api or not key:
    sys.exit("usage: place_call.py CALLER CALLEE, with RINGBRIDGE_API and RINGBRIDGE_API_KEY in the environment")
caller, callee = sys.argv[1:]
# Where an answer is lost it is asked again, for 5 s here (30 unless said): with its Idempotency-Key that is the same
# call. Where the API asks for a longer wait, such as a limit, it is told at once.
ringbridge = Ringbridge(api, key, retry=Retry(within_s=5))
try:
    call = ringbridge.place_call(caller, callee, metadata={"order": "A-1001"})
    print("call", call.id)
    for event in ringbridge.follow(call.id):
        print(event.type)
    ended = ringbridge.show_call(call.id)
except ApiError as e:
    sys.exit(f"{e.type}: {e.detail}")  # such as balance-empty; e.message is for your user
except Unreachable as e:
    sys.exit(str(e))
print(ended.reason, ended.charged_s, "s charged")
