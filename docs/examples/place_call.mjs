// Places a call and follows it until it has ended. Node 18 or later, no packages.
//   RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… node place_call.mjs demo +8613900000004
import {randomUUID} from "node:crypto"

const {RINGBRIDGE_API: api, RINGBRIDGE_API_KEY: key} = process.env
const [caller, callee] = process.argv.slice(2)
const headers = {Authorization: `Bearer ${key}`}

const placed = await fetch(`${api}/v1/calls`, {
  method: "POST",
  headers: {...headers, "Content-Type": "application/json", "Idempotency-Key": randomUUID()},
  body: JSON.stringify({caller, callee}),
})
const call = await placed.json()
if (!placed.ok) throw new Error(`${call.type}: ${call.detail}`)
console.log("call", call.id)

const stream = await fetch(`${api}/v1/calls/${call.id}/events`, {headers: {...headers, Accept: "text/event-stream"}})
let rest = ""
for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + chunk).split("\n")
  rest = lines.pop()
  for (const line of lines) if (line.startsWith("event: ")) console.log(line.slice(7))
}
