#!/bin/sh
# Places a call and follows it until it has ended. Needs curl; the address and the key of the API in the environment:
#   RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… sh place_call.sh demo +8613900000026
set -eu
if [ $# -ne 2 ] || [ -z "${RINGBRIDGE_API:-}" ] || [ -z "${RINGBRIDGE_API_KEY:-}" ]; then
  echo "usage: sh place_call.sh CALLER CALLEE, with RINGBRIDGE_API and RINGBRIDGE_API_KEY in the environment" >&2
  exit 2
fi
key="Authorization: Bearer $RINGBRIDGE_API_KEY"
order="order-$(date +%s)-$$"

# The same Idempotency-Key again is the same call: where the answer is lost, ask again with it.
call=$(curl -sS --fail-with-body "$RINGBRIDGE_API/v1/calls" \
  -H "$key" -H 'Content-Type: application/json' -H "Idempotency-Key: $order" \
  -d "{\"caller\": \"$1\", \"callee\": \"$2\", \"metadata\": {\"order\": \"$order\"}}") || { echo "${call:-no answer}" >&2; exit 1; }
id=$(printf %s "$call" | sed -n 's/^{"id":"\([^"]*\)".*/\1/p')
echo "call $id"

# Ends by itself with the call. To go on after a broken connection, send the last `id:` as Last-Event-ID.
curl -sSN "$RINGBRIDGE_API/v1/calls/$id/events" -H "$key" -H 'Accept: text/event-stream' |
  sed -n 's/^event: call\./call./p'
curl -sS "$RINGBRIDGE_API/v1/calls/$id" -H "$key" -w '\n' |
  sed -n 's/^[^[]*"charged_s":\([0-9]*\).*"reason":"\([^"]*\)".*/\2 \1 s charged/p'
