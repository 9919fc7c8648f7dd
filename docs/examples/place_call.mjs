// Places a call and follows it until it has ended. Node 18 or later, no packages.
//   RINGBRIDGE_API=http://127.0.0.1:8080 RINGBRIDGE_API_KEY=rb_… node place_call.mjs demo +8613900000026
import {randomUUID} from "node:crypto"

const {RINGBRIDGE_API: api, RINGBRIDGE_API_KEY: key} = process.env
const [caller, callee] = process.argv.slice(2)
const giveUp = (sentence, code = 1) => {
  console.error(sentence)
  process.exit(code)
}
if (!api || !key || process.argv.length !== 4)
  giveUp("usage: node place_call.mjs CALLER CALLEE, with RINGBRIDGE_API and RINGBRIDGE_API_KEY in the environment", 2)

const ask = async (path, {headers, ...more} = {}) => {
  const told = {Authorization: `Bearer ${key}`, ...headers}
  const answer = await fetch(api + path, {...more, headers: told}).catch(e =>
    giveUp(`${api} does not answer: ${e.cause?.message || e.message}`))
  if (answer.ok) return answer
  const problem = await answer.json()
  return giveUp(`${problem.type}: ${problem.detail}`)
}

const placed = await ask("/v1/calls", {
  method: "POST",
  headers: {"Content-Type": "application/json", "Idempotency-Key": randomUUID()},
  body: JSON.stringify({caller, callee}),
})
const call = await placed.json()
console.log("call", call.id)

const stream = await ask(`/v1/calls/${call.id}/events`, {headers: {Accept: "text/event-stream"}})
let rest = ""
for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + chunk).split("\n")
  rest = lines.pop()
  for (const line of lines) if (line.startsWith("event: call.")) console.log(line.slice(7))
}
const ended = await (await ask(`/v1/calls/${call.id}`)).json()
console.log(ended.reason, ended.charged_s, "s charged")
