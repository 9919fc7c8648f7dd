"""Made from the API's description (tests/unit/client/make.py): not to be changed by hand. What it answers with."""

from __future__ import annotations

from typing import Any

import msgspec


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call. `caller` and `callee` are user ids where there is a user, else numbers. `talking_at` is there if they
    talked, `reason`, `hung_up_by` and `ended_at` once it has ended."""

    id: str
    type: str
    state: str
    caller: str
    callee: str
    payer: str
    held_s: int
    charged_s: int
    overrun_s: int
    created_at: str
    legs: list[Leg]
    metadata: dict[str, str]
    reason: str | None = None
    hung_up_by: str | None = None
    talking_at: str | None = None
    ended_at: str | None = None
    recordings: list[Recording] | None = None
    message: str | None = None
    private: bool | None = None
    forgotten: bool | None = None
    capacity: Capacity | None = None
    minutes_left_s: int | None = None


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One phone. `trunk` is the one that carries (or tried last); `tried` all of them in order."""

    role: str
    number: str
    shown: str
    why: str
    trunk: str | None
    device: str | None
    tried: list[str]
    passed_over: dict[str, str]
    rang_at: str | None
    answered_at: str | None
    ended_at: str | None
    cause: int | None
    sip_status: int | None
    charged_s: int
    cost: Cost


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    micro: int
    currency: str


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """`leg`: whose words alone are in it; of a mixed one there is none."""

    id: str
    what: str
    state: str
    started_at: str
    leg: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None


class Capacity(msgspec.Struct, frozen=True, kw_only=True):
    """How many more calls like this one could be placed right now; null: as many as you like. `calls_free` is the least
    of the others: the carriers' lines to these numbers, what the payer's plan lets him have at the same time, and the
    telephone exchanges' room."""

    calls_free: int | None
    lines_free: int | None
    user_calls_free: int | None


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `cursor` (of the next page) goes into the next question; null: there is no more."""

    calls: list[Call]
    cursor: str | None


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """In order."""

    events: list[Event]


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A change of state, or (with `what`) something that happened to one leg while the call was in that state. `seq`
    counts from 1 within the call, over both."""

    seq: int
    call: str
    type: str
    state: str
    at: str
    reason: str | None = None
    hung_up_by: str | None = None
    charged_s: int | None = None
    overrun_s: int | None = None
    what: str | None = None
    leg: str | None = None
    n: int | None = None
    cause: int | None = None
    sip_status: int | None = None
    outcome: str | None = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """`verified`: those of the numbers that are proved to be the user's."""

    id: str
    numbers: list[str]
    verified: list[str]
    name: str | None = None
    locale: str | None = None


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """Soonest expiry first: the order in which they are spent. `held_s` is set aside for calls that go on."""

    available_s: int
    held_s: int
    buckets: list[Bucket]
    plan: str
    period: str


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes of one kind (month, bonus, bought) and expiry; null: they do not expire."""

    kind: str
    remaining_s: int
    granted_s: int
    expires_at: str | None


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `cursor` goes into the next question; null: there is no more."""

    lines: list[Line]
    cursor: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the statement. All `seconds` up to a line add up to its `balance_after_s` (available + held)."""

    seq: int
    op: str
    at: str
    what: str
    seconds: int
    balance_after_s: int
    kind: str
    expires_at: str | None
    call: str | None
    note: str


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    op: str
    balance: Balance


class Corrected(msgspec.Struct, frozen=True, kw_only=True):
    op: str
    balance: Balance


class LimitsNow(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing is `counted` where no limit is for this number."""

    user: str
    number: str
    counted: list[Counted]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """`calls`, the oldest first. `hit`: the rule by which one more would be refused, and for how long; null: none."""

    of: str
    rules: list[str]
    calls: list[CountedCall]
    hit: str | None
    again_s: int | None


class CountedCall(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    at: str


class Lifted(msgspec.Struct, frozen=True, kw_only=True):
    forgotten: int


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    op: str
    seconds: int
    balance: Balance


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`allowance_s` a month by `plan`, whose reason is `why`. `counted_s` of it were granted to others this month
    through his numbers; null: he has no proved number. `complete` is false where lines were missing or too many."""

    user: str
    plan: str
    allowance_s: int
    period: str
    ends_at: str
    why: str
    plans_version: str
    teams: list[TeamOfUser]
    numbers: list[str]
    counted_s: int | None
    minutes: list[Minutes]
    complete: bool


class TeamOfUser(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    certified: bool
    size: int
    plan: str
    allowance_s: int


class Minutes(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A bucket, and the lines that put something into it, oldest first: together its `granted_s`."""

    kind: str
    remaining_s: int
    granted_s: int
    expires_at: str | None
    from_: list[Source]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the statement. Less than 0: what the month's line took back."""

    seq: int
    at: str
    what: str
    seconds: int
    op: str
    call: str | None
    note: str


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A team. `members` are all who are in it."""

    id: str
    name: str
    certified: bool
    members: int
    size: int
    plan: str
    allowance_s: int


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """In no order. `cursor` goes into the next question; null: there is no more."""

    members: list[Member]
    cursor: str | None


class Member(msgspec.Struct, frozen=True, kw_only=True):
    user: str
    number_counts: bool


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A PBX. `closed`: its owner can place no call there now, and `why` says what is missing."""

    name: str
    state: str
    why: str
    owner: str | None
    live: int | None
    max_calls: int | None
    told_at: str | None


class ForgottenNode(msgspec.Struct, frozen=True, kw_only=True):
    """As it was."""

    name: str
    state: str
    why: str
    owner: str | None
    live: int | None
    max_calls: int | None
    told_at: str | None
    ended_calls: int | None = None


class Nodes(msgspec.Struct, frozen=True, kw_only=True):
    """By name."""

    nodes: list[Node]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """`server`, `port` and `transport` are where it registers, by `username`; `at`: how it stands with each PBX that
    the answering process has."""

    id: str
    name: str
    transport: str
    username: str
    server: str
    port: int
    realm: str
    created_at: str
    at: list[At]


class At(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: online (registered, and it answers), offline, or unknown (this PBX could not be asked)."""

    node: str
    state: str


class Devices(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first."""

    devices: list[Device]


class NewDeviceMade(msgspec.Struct, frozen=True, kw_only=True):
    """`password`: shown this once; null where the request was made before."""

    id: str
    name: str
    transport: str
    username: str
    server: str
    port: int
    realm: str
    created_at: str
    at: list[At]
    password: str | None


class Conference(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the type conference: `caller` is the host. `dial_in`: of the request that asked for it alone."""

    id: str
    type: str
    state: str
    caller: str
    callee: str
    payer: str
    held_s: int
    charged_s: int
    overrun_s: int
    created_at: str
    legs: list[Leg]
    metadata: dict[str, str]
    reason: str | None = None
    hung_up_by: str | None = None
    talking_at: str | None = None
    ended_at: str | None = None
    recordings: list[Recording] | None = None
    message: str | None = None
    private: bool | None = None
    forgotten: bool | None = None
    capacity: Capacity | None = None
    minutes_left_s: int | None = None
    participants: list[Participant] | None = None
    dial_in: Pin | None = None


class Participant(msgspec.Struct, frozen=True, kw_only=True):
    """One phone. `leg` is its name in the path. `state`: waiting (to be rung), ringing, joining (answered, not let in
    yet), in, left, or not_reached: then `outcome` says why."""

    leg: str
    who: str
    number: str
    state: str
    outcome: str | None
    dialled_in: bool
    muted: bool
    talking: bool
    answered_at: str | None
    ended_at: str | None
    charged_s: int
    cost: Cost
    message: str | None = None


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """With it one person may dial in, once: he calls `number` and keys `pin`."""

    number: str
    pin: str
    expires_at: str


class Key(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    tenant: str | None = None
    replaced_by: str | None = None


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first."""

    keys: list[Key]


class NewKeyMade(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    scopes: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    tenant: str | None = None
    replaced_by: str | None = None
    secret: str


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    requests_per_s: int | None
    requests_burst: int | None
    created_at: str
    closed_at: str | None


class Tenants(msgspec.Struct, frozen=True, kw_only=True):
    """By id."""

    tenants: list[Tenant]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: scheduled, running, done or cancelled. `counts`: recipients by state. `held_up`: why nobody is rung just
    now. `recipients`: a page of them; `cursor` (of the next page) goes into the next question."""

    id: str
    state: str
    sender: str
    language: str
    confirm: ConfirmView | None
    retry: RetryView
    quiet_hours: str | None
    at: str
    created_at: str
    reminders: int
    count: int
    counts: dict[str, int]
    metadata: dict[str, str]
    recipients: list[Recipient]
    cursor: str | None
    text: str | None = None
    audio: str | None = None
    held_up: HeldUp | None = None


class ConfirmView(msgspec.Struct, frozen=True, kw_only=True):
    digit: str


class RetryView(msgspec.Struct, frozen=True, kw_only=True):
    tries: int
    gap_s: int


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """`call`: the one that is under way; `due_at`: when he is rung next; `put_off`: why he was not rung when he was
    due; `recall`: the call that connects him to the sender, or why there is none."""

    n: int
    recipient: str
    number: str
    state: str
    tries: list[Try]
    user: str | None = None
    call: str | None = None
    due_at: str | None = None
    put_off: str | None = None
    recall: str | None = None


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One call that rang him. `heard`: the text was played to its end; `key`: the one that decided."""

    call: str
    outcome: str
    began_at: str
    rang_at: str | None
    answered_at: str | None
    ended_at: str | None
    heard: bool
    key: str | None
    key_at: str | None
    message: str | None = None


class HeldUp(msgspec.Struct, frozen=True, kw_only=True):
    why: str
    until: str


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first, each without its recipients. `cursor` (of the next page) goes into the next question."""

    notices: list[Notice]
    cursor: str | None


class NoticeEvents(msgspec.Struct, frozen=True, kw_only=True):
    """In order."""

    events: list[NoticeEvent]


class NoticeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`seq` counts from 1 within the notice. `n`: of the recipient."""

    seq: int
    notice: str
    type: str
    at: str
    n: int | None = None
    recipient: str | None = None
    number: str | None = None
    state: str | None = None
    outcome: str | None = None
    tries: int | None = None
    call: str | None = None
    why: str | None = None


class Audio(msgspec.Struct, frozen=True, kw_only=True):
    """`id` goes into `audio` of a notice; it takes `ms` to hear it."""

    id: str
    ms: int


class HappenedPage(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first. `cursor` goes into the next question as `after`, also where nothing was found. `more`: at once.
    `gap`: before these some were lost, as they are not kept any more."""

    events: list[Happened]
    cursor: str
    more: bool
    gap: bool


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """As webhooks get it. `data` is the event, as `GET /v1/calls/{id}/events` (or a notice's) lists it."""

    type: str
    timestamp: str
    id: str
    data: dict[str, Any]


class ClickToken(msgspec.Struct, frozen=True, kw_only=True):
    """`call`: the id that its call will have, for your server to look at. `url`: a page with a button, to be sent to
    who shall call; of a page of your own `token` is all that it needs."""

    token: str
    expires_at: str
    url: str
    call: str


class Clicked(msgspec.Struct, frozen=True, kw_only=True):
    """All that a page without a key learns of a call. `message`: once it has ended, for the visitor, in the language
    that his browser asks for."""

    id: str
    state: str
    reason: str | None = None
    message: str | None = None


class ClickEvents(msgspec.Struct, frozen=True, kw_only=True):
    events: list[ClickEvent]


class ClickEvent(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    state: str
    at: str
    reason: str | None = None
    message: str | None = None


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`waiting`: events that are still to be sent, the oldest since `oldest_waiting_at`. `dead`: those that were given
    up. `why_paused`: where we paused it. `old_secret_until`: until then it is signed with the secret before, too."""

    id: str
    url: str
    events: list[str]
    description: str
    paused: bool
    created_at: str
    waiting: int
    oldest_waiting_at: str | None
    dead: int
    why_paused: str | None = None
    old_secret_until: str | None = None
    tenant: str | None = None


class Webhooks(msgspec.Struct, frozen=True, kw_only=True):
    """Oldest first."""

    webhooks: list[Webhook]


class NewWebhookMade(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    events: list[str]
    description: str
    paused: bool
    created_at: str
    waiting: int
    oldest_waiting_at: str | None
    dead: int
    why_paused: str | None = None
    old_secret_until: str | None = None
    tenant: str | None = None
    secret: str


class Deliveries(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. `cursor` (of the next page) goes into the next question."""

    deliveries: list[Delivery]
    cursor: str | None


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `n`: the how manyth try. `status`: of the answer; null: there was none, and `why` says why."""

    event: str
    type: str
    at: str
    outcome: str
    n: int
    status: int | None
    why: str
    took_ms: int
    again_at: str | None


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """`replayed`: so many will be sent (again). `missing`: ids of which nothing is kept. `gap`: the feed does not reach
    back that far. `cursor`: there was more than one request takes; it goes into the next one, beside the same
    `since`."""

    replayed: int
    missing: list[str]
    gap: bool
    cursor: str | None


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: `status` of the answer; null: there was none, and `why` says why."""

    event: str
    delivered: bool
    status: int | None
    why: str
    took_ms: int


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """`mistakes`: lines that could not be done though the file was good: somebody else was faster."""

    lines: int
    done: int
    dry_run: bool
    mistakes: list[Mistake]


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """`line`: of the file, from 1; the header of a CSV file is one."""

    line: int
    field: str
    type: str
    detail: str


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """A month, by the operator's clock. `trunks` by name; `total` all of them together. `days`: those that have begun,
    and are kept."""

    month: str
    timezone: str
    as_of: str
    trunks: list[TrunkOwed]
    days: list[DayOwed]
    total: Sums
    worth: Cost | None
    margin: Cost | None
    forecast: list[Cost] | None
    forecast_how: str
    incomplete_days: list[str]
    warnings: list[str]


class TrunkOwed(msgspec.Struct, frozen=True, kw_only=True):
    legs: int
    answered: int
    unanswered: int
    talk_s: int
    billed_s: int
    charged_s: int
    unpriced: int
    cost: list[Cost]
    trunk: str


class DayOwed(msgspec.Struct, frozen=True, kw_only=True):
    legs: int
    answered: int
    unanswered: int
    talk_s: int
    billed_s: int
    charged_s: int
    unpriced: int
    cost: list[Cost]
    day: str
    complete: bool


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """`talk_s`: each leg cut down to whole seconds; `billed_s`: by the increments of its price. `unpriced`: answered
    legs whose trunk had no price. `cost`: one for each currency."""

    legs: int
    answered: int
    unanswered: int
    talk_s: int
    billed_s: int
    charged_s: int
    unpriced: int
    cost: list[Cost]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The call that reads the code out; how it goes, `GET /v1/calls/{call}` says."""

    call: str
    user: str
    number: str
    expires_at: str
    tries: int


class Trunks(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of sip_trunks.conf."""

    trunks: list[TrunkView]


class TrunkView(msgspec.Struct, frozen=True, kw_only=True):
    """`why`: of every state but up and unknown. `channels_in_use`: null where they could not be counted."""

    name: str
    state: str
    why: str
    registers: bool
    registration: str | None
    roundtrip_ms: float | None
    rested_until: str | None
    priority: int
    weight: int
    channels_in_use: int | None
    max_channels: int
    max_cps: int
    today: Today
    spend_alarm: Cost | None
    spend_max: Cost | None


class Today(msgspec.Struct, frozen=True, kw_only=True):
    """Of legs whose calls ended today, by the operator's clock, over all processes. `pdd_p50_ms` and `pdd_p95_ms` are
    rounded up to a step."""

    legs: int
    answered: int
    asr: float | None
    ner: float | None
    acd_s: int | None
    pdd_ms: int | None
    pdd_p50_ms: int | None
    pdd_p95_ms: int | None
    outcomes: dict[str, int]
    failures: dict[str, int]
    talk_s: int
    billed_s: int
    cost: list[Cost]


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """What is set of it, too, but no secret. `endpoint`: names of raw options."""

    name: str
    state: str
    why: str
    registers: bool
    registration: str | None
    roundtrip_ms: float | None
    rested_until: str | None
    priority: int
    weight: int
    channels_in_use: int | None
    max_channels: int
    max_cps: int
    today: Today
    spend_alarm: Cost | None
    spend_max: Cost | None
    host: str
    port: int
    transport: str
    srtp: str
    codecs: list[str]
    username: str
    has_password: bool
    expires_s: int
    from_user: str
    from_domain: str
    outbound_proxy: str
    match: list[str]
    number_format: str
    prepend: str
    caller_id: str
    caller_id_numbers: list[str]
    caller_id_format: str
    identity: str
    privacy: bool
    diversion: bool
    stir_shaken: str
    prefixes: list[str]
    hours: list[str]
    causes: dict[str, str]
    price: Cost
    increment: str
    rates: int
    endpoint: list[str]


class TrunkTest(msgspec.Struct, frozen=True, kw_only=True):
    """One phone, rung over one trunk. `sign_ms`: from the dial to the first sign of the far network. `outcome`: null
    while it goes on. `passed_over`: why it was never dialled."""

    call: str
    trunk: str
    number: str
    dialled: str
    shown: str
    why: str
    state: str
    outcome: str | None
    reached: bool
    passed_over: str
    reason: str | None
    hung_up_by: str | None
    sign_ms: int | None
    rang_at: str | None
    early_at: str | None
    dialled_at: str | None
    answered_at: str | None
    ended_at: str | None
    talk_ms: int
    cause: int | None
    sip_status: int | None
    price: Cost
    increment: str
    cost: Cost


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    ready: bool
    parts: list[Part]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    ok: bool
    why: str


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    alive: bool
