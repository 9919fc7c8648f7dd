#!/bin/sh
# Places a call and follows it until it has ended. Needs curl; the address and the key of the API in the environment:
#   RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… sh place_call.sh demo +8613900000004
set -eu
order="order-$(date +%s)-$$"

# The same Idempotency-Key again is the same call: where the answer is lost, ask again with it.
call=$(curl -sS --fail-with-body "$RINGBRIDGE_API/v1/calls" \
  -H "Authorization: Bearer $RINGBRIDGE_API_KEY" -H 'Content-Type: application/json' -H "Idempotency-Key: $order" \
  -d "{\"caller\": \"$1\", \"callee\": \"$2\", \"metadata\": {\"order\": \"$order\"}}")
id=$(printf %s "$call" | sed -n 's/^{"id":"\([^"]*\)".*/\1/p')
echo "call $id"

# Ends by itself with the call. To go on after a broken connection, send the last `id:` as Last-Event-ID.
curl -sSN "$RINGBRIDGE_API/v1/calls/$id/events" \
  -H "Authorization: Bearer $RINGBRIDGE_API_KEY" -H 'Accept: text/event-stream' | sed -n 's/^event: //p'
