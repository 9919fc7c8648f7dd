// Whether a webhook is genuine: the secret in RINGBRIDGE_WEBHOOK_SECRET, the headers as arguments, the body on stdin.
import {createHmac, timingSafeEqual} from "node:crypto"
import {readFileSync} from "node:fs"

const [id, timestamp, signatures] = process.argv.slice(2)
if (!process.env.RINGBRIDGE_WEBHOOK_SECRET || process.argv.length !== 5) {
  console.error("usage: node webhook.mjs ID TIMESTAMP SIGNATURES, with RINGBRIDGE_WEBHOOK_SECRET in the environment")
  process.exit(2)
}
const body = readFileSync(0) // the bytes as they came, not JSON written anew
const key = Buffer.from(process.env.RINGBRIDGE_WEBHOOK_SECRET.replace("whsec_", ""), "base64")
const wanted = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest()
const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300
const isSigned = signatures.split(" ").some(one => {
  const given = Buffer.from(one.replace(/^v1,/, ""), "base64")
  return one.startsWith("v1,") && given.length === wanted.length && timingSafeEqual(given, wanted)
})
if (!isFresh || !isSigned) {
  console.error("400, not genuine")
  process.exit(1)
}
const event = JSON.parse(body)
console.log(event.type, event.id) // the same id may come twice: do once what it asks for, then answer 204
