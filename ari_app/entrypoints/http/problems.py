"""Errors as people and programs get them: one table of stable types, and how one becomes an answer.

RFC 9457 (problem details). Knows no route.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from starlette.responses import Response

from ari_app.concealed import without_secrets
from ari_app.domain.notices import REMINDS_MAX
from ari_app.entrypoints.words import Language, why_refused
from ari_app.ports.keys import KEYS_MAX, TENANT_KEYS_MAX
from ari_app.ports.teams import MEMBERS_MAX, TEAMS_MAX
from ari_app.ports.tenants import TENANTS_MAX
from ari_app.ports.webhooks import SECRETS_MAX, WEBHOOKS_MAX

MEDIA_TYPE = "application/problem+json"


class Kind(NamedTuple):
    status: int
    title: str
    meaning: str  # for docs/api.md


KINDS: Mapping[str, Kind] = {
    "malformed-http": Kind(400, "Not HTTP", "No request that HTTP knows, or one with a head of more than 32 KiB."),
    "invalid-number": Kind(400, "Not a number that can be called", "Not a phone number, or not one for this purpose."),
    "unauthorized": Kind(
        401,
        "No valid key",
        "`Authorization: Bearer <key>` is missing; or the key is unknown or has expired, or its tenant is closed.",
    ),
    "balance-empty": Kind(402, "No minutes left", "The payer has nothing left; less than an increment may be talked."),
    "forbidden": Kind(
        403,
        "The key may not do this",
        "The key lacks the scope that `detail` names; or it is a tenant's, and this is the operator's alone.",
    ),
    "number-not-verified": Kind(
        403, "Number not proved", "The caller's number is nobody's, or was not proved to be the user's."
    ),
    "too-many-participants": Kind(
        403, "Too many phones", "More at once than the host's plan allows, or than one conference takes; see `rule`."
    ),
    "wrong-code": Kind(403, "Not the code", "Not what was read out; `detail` says how many tries are left."),
    "wrong-origin": Kind(403, "Not for this site", "The click token is not for pages of the site that asks."),
    "destination-blocked": Kind(403, "Destination not called", "The country, prefix or kind of number is not called."),
    "emergency-number": Kind(403, "Emergency number", "Emergency numbers are not called by callback."),
    "not-found": Kind(404, "Not here", "No such call or path."),
    "unknown-user": Kind(404, "No such user", "No user has this id."),
    "unknown-number": Kind(404, "None of his numbers", "The number is none of the user's."),
    "unknown-team": Kind(404, "No such team", "No team has this id."),
    "unknown-member": Kind(404, "Not a member", "The user is no member of this team."),
    "unknown-key": Kind(404, "No such key", "No key of yours has this id; it may have been revoked before."),
    "unknown-tenant": Kind(404, "No such tenant", "No tenant has this id."),
    "unknown-device": Kind(404, "No such device", "The user has no device with this id."),
    "unknown-node": Kind(404, "No such node", "No process has told of a node with this name."),
    "unknown-trunk": Kind(404, "No such trunk", "No trunk in force has this name."),
    "unknown-webhook": Kind(404, "No such webhook", "No webhook that you may see has this id."),
    "unknown-notice": Kind(404, "No such notice", "No notice has this id; those that are done go after `call_days`."),
    "unknown-recording": Kind(404, "No such recording", "No PBX has it; it may have been thrown away."),
    "unknown-token": Kind(404, "No such token", "No click token is this one: mistyped, long over, or its key revoked."),
    "unknown-call": Kind(404, "No such call", "For a refund: neither its record nor its charge is known any more."),
    "method-not-allowed": Kind(405, "Method not allowed", "The path exists, the method does not; see `Allow`."),
    "request-timeout": Kind(408, "Request too slow", "It did not come whole within `http_request_timeout_s`."),
    "idempotency-conflict": Kind(
        409, "Idempotency-Key used before", "The same Idempotency-Key came before with another request."
    ),
    "participant-there": Kind(409, "There already", "The number is in the conference, or is being rung."),
    "participant-gone": Kind(409, "Not there any more", "The participant has left, or did not answer: ring him again."),
    "not-recordable": Kind(409, "Not recorded", "Calls of this type are not recorded."),
    "recorded-already": Kind(409, "Recorded already", "The call is being recorded, or was as often as may be."),
    "not-recorded": Kind(409, "Not recorded now", "There is nothing to stop."),
    "still-recorded": Kind(409, "Not whole yet", "The recording goes on."),
    "token-used": Kind(409, "Token used before", "A click token is good for one call; this one had another caller."),
    "call-over": Kind(409, "Ended already", "The call or conference has ended, or takes nothing more."),
    "number-taken": Kind(409, "Number is somebody else's", "A number belongs to one user."),
    "number-verified": Kind(409, "Number proved already", "The number has been proved to be the user's before."),
    "no-code": Kind(409, "No code", "No code was read out to the number, or it has run out, or was used."),
    "too-many-devices": Kind(409, "Too many devices", "A user has at most `devices_max`; remove one."),
    "team-full": Kind(409, "Team is full", f"A team has at most {MEMBERS_MAX} members."),
    "too-many-teams": Kind(409, "Too many teams", f"A user is a member of at most {TEAMS_MAX} teams."),
    "balance-too-small": Kind(
        409, "Less is available", "A correction takes all of its seconds or none; `detail` says how many there are."
    ),
    "call-not-settled": Kind(409, "Call not settled yet", "A call is refunded when it has ended."),
    "nothing-to-refund": Kind(409, "Nothing to refund", "Less than that is left of what the call was charged."),
    "node-in-use": Kind(409, "Node in use", "A process has this node, or calls live there."),
    "first-key": Kind(409, "The first key stays", "It is replaced by the setting `api_key`, not revoked or rotated."),
    "too-many-webhooks": Kind(409, "Too many webhooks", f"A tenant has at most {WEBHOOKS_MAX}; remove one."),
    "too-many-secrets": Kind(409, "Too many secrets", f"At most {SECRETS_MAX} secrets of a webhook hold at once."),
    "too-many-keys": Kind(
        409, "Too many keys", f"A tenant has at most {TENANT_KEYS_MAX}, the operator {KEYS_MAX}; revoke one."
    ),
    "key-replaced": Kind(409, "Key replaced already", "Another key took its place and is in use: rotate that one."),
    "key-ended": Kind(409, "Key ended already", "A key that has ended is not rotated: make a new one."),
    "tenant-closed": Kind(409, "Tenant closed", "No keys are made for a closed tenant; `PUT` opens it again."),
    "too-many-tenants": Kind(409, "Too many tenants", f"There are at most {TENANTS_MAX}; a closed one counts, too."),
    "notice-cancelled": Kind(409, "Notice cancelled", "Nobody is rung again for a notice that was cancelled."),
    "too-many-reminders": Kind(409, "Reminded often enough", f"A notice may be reminded of {REMINDS_MAX} times."),
    "token-expired": Kind(410, "Token expired", "A click token was not used in time; ask for a new one."),
    "body-too-large": Kind(413, "Body too large", "Larger than the setting `http_body_max`."),
    "unsupported-media-type": Kind(
        415,
        "Not this kind of body",
        "Send it as `Content-Type: application/json`; a file to be imported, or a sound, as the operation says.",
    ),
    "malformed-body": Kind(
        422, "Body not understood", "No JSON, a field unknown or given twice, or a value of the wrong kind."
    ),
    "malformed-request": Kind(
        422, "Request not understood", "A path, query or header value of the wrong kind, or an unknown query parameter."
    ),
    "bad-lines": Kind(
        422, "Lines that cannot be taken", "Of an import: `mistakes` names each line, and why; nothing was done."
    ),
    "not-audio": Kind(422, "Not a sound that can be played", "No WAV file, too long, or nothing to be heard in it."),
    "too-many-calls": Kind(
        429, "Too many calls", "A limit was hit: `rule` names it, such as `pair-3-in-300s` (see `POST /v1/calls`)."
    ),
    "too-many-codes": Kind(
        429,
        "Too many wrong codes",
        "`rule`: `code-5-tries`, this code was guessed too often: ask for a new one; such "
        "as `guess-10-in-3600s`, the user gave too many wrong ones.",
    ),
    "too-many-requests": Kind(
        429,
        "Asked too often",
        "`rule`: `key`, this key asks too often; `tenant`, all keys of its tenant "
        "together; `wrong-keys`, wrong keys from this address; `click-token`, one click token; "
        "`streams`, so many are open.",
    ),
    "internal-error": Kind(500, "A fault on our side", "A bug; the log knows more under the same `instance`."),
    "no-capacity": Kind(503, "No capacity", "Lines, Asterisk or Redis are not to be had now; try again."),
    "unconfirmed": Kind(
        503, "Perhaps done", "The store did not confirm it. `op` names it on the statement, if it was done."
    ),
    "calls-not-ended": Kind(503, "Calls not ended yet", "The calls of a forgotten node are not all ended; ask again."),
    "unreadable-record": Kind(
        503, "Record not readable here", "The call's record is damaged, or was written by a newer version."
    ),
    "draining": Kind(503, "About to stop", "The process takes no new calls; try again, perhaps elsewhere."),
    "not-ready": Kind(503, "Not able to place a call", "`/readyz`: `parts` names what is not ready, and why."),
}


@dataclass
class Problem(Exception):
    """Raise it anywhere below a route. `field` is the request's field at fault; `extra` joins the body."""

    type: str
    detail: str
    field: str = ""
    retry_after_s: int | None = None
    extra: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None

    @property
    def status(self) -> int:
        return KINDS[self.type].status

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": self.type,
            "title": KINDS[self.type].title,
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            body["field"] = self.field
        if self.retry_after_s is not None:
            body["retry_after_s"] = self.retry_after_s
        return body | dict(self.extra or {})

    def response(self, language: Language | None = None) -> Response:
        """With what its user is told, in his language; None: nobody knows it."""
        headers = dict(self.headers or {})
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(self.retry_after_s)
        said = self.body()
        if language is not None:
            rule = str(said.get("rule", ""))
            said["message"] = why_refused(
                self.type, self.status, language, rule=rule, field=self.field, again_s=self.retry_after_s
            )
        body = without_secrets(msgspec.json.encode(said).decode())
        return Response(body, self.status, headers, MEDIA_TYPE)


class FieldError(msgspec.Struct):
    field: str
    detail: str


class Mistake(msgspec.Struct):
    """`line`: of the file, from 1; the header of a CSV file is one."""

    line: int
    field: str
    type: str
    detail: str


class PartView(msgspec.Struct):
    name: str
    ok: bool
    why: str


class ProblemView(msgspec.Struct, omit_defaults=True, rename={"type_": "type"}):
    """The shape of every error, for the API's description."""

    type_: str
    title: str
    status: int
    detail: Annotated[str, Meta(description="For the developer.")]
    message: Annotated[str, Meta(description="For his user, in the language that `Accept-Language` asks for.")] = ""
    field: Annotated[str, Meta(description="Of the request, at fault; or a header, a parameter, `line 3`.")] = ""
    errors: Annotated[list[FieldError], Meta(description="All fields at fault, where there are several.")] = []
    retry_after_s: int | None = None
    rule: Annotated[str, Meta(description="The limit that was hit.")] = ""
    call: Annotated[str, Meta(description="The call that was made of this request, and has ended.")] = ""
    op: Annotated[str, Meta(description="`unconfirmed`: how the statement names it, if it was done.")] = ""
    replaced_by: Annotated[str, Meta(description="`key-replaced`: the id of the key that took its place.")] = ""
    lines: Annotated[int | None, Meta(description="`bad-lines`: how many the file has.")] = None
    bad_lines: Annotated[int | None, Meta(description="`bad-lines`: how many of them cannot be taken.")] = None
    mistakes: Annotated[list[Mistake], Meta(description="`bad-lines`: the first of them, and why.")] = []
    parts: Annotated[list[PartView], Meta(description="`not-ready`: which part is not, and why.")] = []
    ready: bool | None = None
    instance: Annotated[str, Meta(description="`internal-error`: the log tells more under it.")] = ""
