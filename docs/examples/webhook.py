"""Receives webhooks on this machine, and prints those that are genuine, until Ctrl-C.

RINGBRIDGE_WEBHOOK_SECRET=whsec_… python webhook.py [PORT]
"""

import contextlib
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ari_app.client import NotGenuine, verify

SECRET = os.environ.get("RINGBRIDGE_WEBHOOK_SECRET")
if len(sys.argv) > 2 or not SECRET:
    sys.exit("usage: webhook.py [PORT], with the webhook's secret as RINGBRIDGE_WEBHOOK_SECRET in the environment")


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))  # the bytes as they came
        try:
            event = verify(SECRET, self.headers, body)
        except NotGenuine as e:
            print("not genuine:", e, file=sys.stderr)
            return self.answer(400)
        # The same id may come twice: do once what it asks for. Work that takes long: into a queue, then answer.
        print(event.type, event.id, flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_):
        """What came is printed above."""


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 3000), Receiver)
print(f"listening at http://127.0.0.1:{server.server_port}/", flush=True)
with contextlib.suppress(KeyboardInterrupt):
    server.serve_forever()
