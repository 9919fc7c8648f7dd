"""Is a webhook genuine? Its secret in RINGBRIDGE_WEBHOOK_SECRET, its headers as arguments, its body on stdin."""

import os
import sys

from ari_app.client import NotGenuine, verify

names = ("webhook-id", "webhook-timestamp", "webhook-signature")
headers = dict(zip(names, sys.argv[1:], strict=True))
try:
    event = verify(os.environ["RINGBRIDGE_WEBHOOK_SECRET"], headers, sys.stdin.buffer.read())
except NotGenuine as e:
    sys.exit(f"400, {e}")
print(event.type, event.id)  # the same id may come twice: do once what it asks for, then answer 204
