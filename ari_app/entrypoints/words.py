"""What an end user is told, in his language: why a call ended, and why something was refused. One table of words; knows
no route and no call. What is for the developer is `detail` in a problem, and in English.

A sentence is for the person with the phone: no word of ours (leg, trunk, key), nothing to look up. Where it is known
when he may try again, that is said in a second sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ari_app.domain.causes import HungUpBy, Outcome, Reason

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
UNITS = ((86_400, "day", "天"), (3600, "hour", "小时"), (60, "minute", "分钟"))
FROM = 3
"""So many of a unit are told in it: 100 seconds, but 2 minutes only where it is just that."""


class Words(NamedTuple):
    en: str
    zh: str

    def in_(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


# ---- why a call ended -----------------------------------------------------------------------------------------------

REASONS: Mapping[Reason, Words] = {
    Reason.COMPLETED: Words("The call has ended.", "通话已结束。"),
    Reason.CALLER_BUSY: Words(
        "Your phone was busy when we called you. Please end your other call and try again.",
        "我们呼叫您时您的电话正忙，请结束其他通话后再试。",
    ),
    Reason.CALLER_NO_ANSWER: Words(
        "You did not answer when we called you. Please try again, and pick up when your phone rings.",
        "您没有接听我们的来电，请重试，并在电话响起时接听。",
    ),
    Reason.CALLER_REJECTED: Words(
        "You declined our call. Please try again, and pick up when your phone rings.",
        "您拒接了我们的来电，请重试，并在电话响起时接听。",
    ),
    Reason.CALLER_UNREACHABLE: Words(
        "We could not reach your phone. Please check that it is switched on and has a signal.",
        "无法接通您的电话，请确认手机已开机且信号正常。",
    ),
    Reason.CALLER_NOT_CONFIRMED: Words(
        "The call was not made, as you did not press 1 when you were asked to.", "您没有按提示按 1 确认，通话没有接通。"
    ),
    Reason.CALLER_GAVE_UP: Words(
        "You hung up before the person you called had answered.", "您在对方接听之前挂断了电话。"
    ),
    Reason.CALLEE_BUSY: Words(
        "The person you called is on another call. Please try again later.", "对方正在通话中，请稍后再拨。"
    ),
    Reason.CALLEE_NO_ANSWER: Words(
        "The person you called did not answer. Please try again later.", "对方无人接听，请稍后再拨。"
    ),
    Reason.CALLEE_REJECTED: Words("The person you called declined the call.", "对方拒接了您的电话。"),
    Reason.CALLEE_UNREACHABLE: Words(
        "The number you called cannot be reached. Please check it, or try again later.",
        "您拨打的号码无法接通，请核对号码或稍后再拨。",
    ),
    Reason.BALANCE_EMPTY: Words("Your minutes are used up.", "您的通话分钟数已用完。"),
    Reason.MAX_DURATION: Words(
        "The call was ended, as it had lasted as long as a call may.", "通话已达到最长时限，已自动结束。"
    ),
    Reason.CANCELLED: Words("The call was cancelled.", "通话已取消。"),
    Reason.TRUNK_FAILED: Words(
        "The telephone network could not put the call through. Please try again in a few minutes.",
        "电话网络暂时无法接通，请几分钟后再试。",
    ),
    Reason.REFUSED: Words(
        "You have as many calls at the same time as you may. Please end one of them and try again.",
        "您同时进行的通话已达上限，请先结束其中一个再试。",
    ),
    Reason.MEDIA_LOST: Words(
        "The call was ended, as no more sound came from one of the phones.", "通话中有一方没有声音，已自动结束。"
    ),
    Reason.INTERRUPTED: Words(
        "The call was interrupted by a fault on our side. We are sorry; please call again.",
        "由于我们的系统故障，通话中断了。非常抱歉，请重新拨打。",
    ),
}

BY_WHO: Mapping[tuple[Reason, HungUpBy], Words] = {
    (Reason.COMPLETED, HungUpBy.CALLER): Words("The call has ended: you hung up.", "通话已结束，您已挂断。"),
    (Reason.COMPLETED, HungUpBy.CALLEE): Words(
        "The call has ended: the other person hung up.", "通话已结束，对方已挂断。"
    ),
    (Reason.CANCELLED, HungUpBy.CALLER): Words("You cancelled the call.", "您已取消通话。"),
}
"""Where it makes a difference to him who ended it."""

OUTCOMES: Mapping[str, Words] = {
    Outcome.BUSY: Words("The line was busy.", "对方正忙。"),
    Outcome.NO_ANSWER: Words("Nobody answered.", "无人接听。"),
    Outcome.REJECTED: Words("The call was declined.", "对方拒接。"),
    Outcome.UNREACHABLE: Words("The phone could not be reached.", "无法接通。"),
    Outcome.TRUNK_FAILED: Words("The telephone network could not put the call through.", "电话网络暂时无法接通。"),
    Outcome.MEDIA_LOST: Words("No more sound came from the phone.", "对方没有声音，通话已结束。"),
    Outcome.CANCELLED: Words("The call was cancelled.", "通话已取消。"),
    Outcome.UNKNOWN: Words("The call was interrupted by a fault on our side.", "由于我们的系统故障，通话中断了。"),
    Outcome.ANSWERED: Words("The call was answered.", "已接听。"),
    # of a notice's try, beside these
    "confirmed": Words("The message was heard and confirmed.", "已收听并确认。"),
    "connect": Words("The message was heard, and a call back was asked for.", "已收听，并要求回电。"),
    "heard": Words("The message was heard.", "已收听。"),
    "unheard": Words("The call was answered, but the message was not heard to its end.", "已接听，但没有听完。"),
    "interrupted": Words("The call was interrupted by a fault on our side.", "由于我们的系统故障，通话中断了。"),
    "balance_empty": Words("Your minutes are used up.", "您的通话分钟数已用完。"),
    "no_room": Words("You had too many calls at the same time.", "您同时进行的通话过多。"),
}
"""How one phone was reached, to whoever had it rung: of a conference's participant, and of a notice's recipient."""


def why_ended(reason: str, by: str, language: Language) -> str:
    """Of a call that has ended, to the user whose call it is."""
    ended, who = Reason(reason), HungUpBy(by)
    return BY_WHO.get((ended, who), REASONS[ended]).in_(language)


def how_reached(outcome: str, language: Language) -> str:
    return OUTCOMES[outcome].in_(language)


# ---- why something was refused --------------------------------------------------------------------------------------

FAULT = Words("This cannot be done now. Please contact the provider of this app.", "暂时无法完成，请联系本应用的客服。")
"""What only whoever wrote the app can put right."""
AGAIN = Words("Please try again in {wait}.", "请在{wait}后重试。")
LATER = Words("Please try again later.", "请稍后再试。")
TRY_AGAIN = (429, 500, 503)
"""Statuses of what passes: it is said when, or at least that it does."""

PROBLEMS: Mapping[str, Words] = {
    "invalid-number": Words(
        "This is not a phone number that can be called. Please check it.", "这不是可以拨打的电话号码，请核对。"
    ),
    "balance-empty": Words("You have no minutes left for this call.", "您的通话分钟数已用完，无法拨打。"),
    "number-not-verified": Words(
        "Please prove first that this phone number is yours.", "请先验证该号码是您本人的号码。"
    ),
    "too-many-participants": Words(
        "No more people can be in this call at the same time.", "该通话的参与人数已达上限。"
    ),
    "wrong-code": Words(
        "This is not the code that was read out to you. Please check it.", "验证码不正确，请核对后重新输入。"
    ),
    "destination-blocked": Words(
        "Numbers of this country or kind cannot be called.", "不支持拨打该国家或该类型的号码。"
    ),
    "emergency-number": Words(
        "Emergency numbers cannot be called here. Please dial the number on your phone.",
        "此处无法拨打紧急号码，请直接用手机拨打。",
    ),
    "not-found": Words("There is nothing here.", "这里没有您要找的内容。"),
    "unknown-user": Words("This person is not known here.", "没有找到该用户。"),
    "unknown-number": Words("This is none of your phone numbers.", "这不是您的电话号码。"),
    "unknown-notice": Words("This notice is not there any more.", "该通知已不存在。"),
    "unknown-recording": Words("This recording is not there any more.", "该录音已不存在。"),
    "participant-there": Words("This person is in the call already, or is being called.", "对方已在通话中或正在呼叫。"),
    "participant-gone": Words("This person is not in the call any more.", "对方已离开通话。"),
    "not-recordable": Words("This call cannot be recorded.", "该通话不支持录音。"),
    "recorded-already": Words("This call is being recorded already.", "该通话已在录音。"),
    "not-recorded": Words("This call is not being recorded.", "该通话没有在录音。"),
    "still-recorded": Words("This recording is not finished yet.", "录音尚未结束。"),
    "call-over": Words("This call has ended already.", "该通话已经结束。"),
    "number-taken": Words("This phone number is another user's.", "该号码已被其他用户使用。"),
    "number-verified": Words("This phone number has been proved already.", "该号码已经验证过。"),
    "no-code": Words("This code has run out. Please ask for a new one.", "验证码已失效，请重新获取。"),
    "unknown-token": Words(
        "This button is not good any more. Please load the page again.", "此按钮已失效，请刷新页面。"
    ),
    "token-expired": Words(
        "This button is not good any more. Please load the page again.", "此按钮已失效，请刷新页面。"
    ),
    "token-used": Words("This button was used already. Please load the page again.", "此按钮已使用过，请刷新页面。"),
    "too-many-devices": Words(
        "You have as many devices as you may. Please remove one first.", "您的设备数已达上限，请先移除一台。"
    ),
    "team-full": Words("This team has as many members as it may.", "该团队人数已达上限。"),
    "too-many-teams": Words("You are in as many teams as you may be.", "您加入的团队数已达上限。"),
    "notice-cancelled": Words("This notice was cancelled.", "该通知已取消。"),
    "too-many-reminders": Words("This notice was repeated as often as it may be.", "该通知的重发次数已达上限。"),
    "not-audio": Words("This sound cannot be played. Please use another one.", "该音频无法播放，请更换。"),
    "too-many-calls": Words("Too many calls were made.", "拨打次数过多。"),
    "too-many-codes": Words("A wrong code was given too often.", "验证码错误次数过多。"),
    "too-many-requests": Words("Too many requests were made.", "操作过于频繁。"),
    "internal-error": Words("Something went wrong on our side. We are sorry.", "我们的系统出现故障，非常抱歉。"),
    "no-capacity": Words("All lines are busy right now.", "当前线路繁忙。"),
    "unconfirmed": Words("It is not certain yet whether this was done.", "尚未确认是否已完成。"),
    "unreadable-record": Words("This call cannot be shown right now.", "暂时无法显示该通话。"),
    "draining": Words("The service is being restarted.", "服务正在重启。"),
    "not-ready": Words("Calls cannot be made right now.", "暂时无法拨打电话。"),
}

FOR_DEVELOPERS: frozenset[str] = frozenset({
    "bad-lines", "malformed-http", "unauthorized", "forbidden", "unknown-team", "unknown-member", "unknown-key",
    "unknown-tenant", "key-replaced", "key-ended", "tenant-closed", "too-many-tenants", "unknown-device",
    "unknown-node", "unknown-trunk", "unknown-call", "method-not-allowed", "request-timeout", "idempotency-conflict",
    "balance-too-small", "call-not-settled", "nothing-to-refund", "node-in-use", "first-key", "too-many-keys",
    "unknown-webhook", "too-many-webhooks", "too-many-secrets",
    "body-too-large", "unsupported-media-type", "malformed-body", "malformed-request", "calls-not-ended",
    "wrong-origin",
})  # fmt: skip
"""Problem types that tell of a mistake in the app, or come of what its users never do: they are told FAULT."""

RULES: Mapping[str, Words] = {
    "live-calls": Words("You have as many calls at the same time as you may.", "您同时进行的通话已达上限。"),
    "pair": Words("You have called this number too often.", "您拨打该号码过于频繁。"),
    "number": Words("This number has been called too often.", "该号码被拨打过于频繁。"),
    "proof": Words("Too many codes were read out to this number.", "该号码获取验证码过于频繁。"),
    "prover": Words("You have asked for too many codes.", "您获取验证码过于频繁。"),
    "partner": Words("Too many codes were asked for. Please try again later.", "获取验证码的请求过多，请稍后再试。"),
    "guess": Words("You have given too many wrong codes.", "您输入错误验证码的次数过多。"),
    "code": Words(
        "This code was given wrongly too often. Please ask for a new one.", "该验证码输错次数过多，请重新获取。"
    ),
    "user-spend-a-day": Words("You have made as many calls today as you may.", "您今天的通话已达上限。"),
    "team-spend-a-day": Words("Your team has made as many calls today as it may.", "您的团队今天的通话已达上限。"),
}
"""By the problem's `rule`, or what that begins with (`pair-3-in-300s`): more than its type says."""


GONE_CALL = Words("There is no such call, or it is not kept any more.", "没有该通话，或其记录已不再保留。")
BY_FIELD: Mapping[tuple[str, str], Words] = {("not-found", "id"): GONE_CALL, ("not-found", "call_id"): GONE_CALL}
"""By the problem's type and `field`: more than the type says."""


def why_refused(
    type: str, status: int, language: Language, *, rule: str = "", field: str = "", again_s: int | None = None
) -> str:
    """Of a problem, to the user for whom something was asked."""
    by_rule = RULES.get(rule) or RULES.get(rule.partition("-")[0])
    words = by_rule or BY_FIELD.get((type, field)) or PROBLEMS.get(type, FAULT)
    said = words.in_(language)
    if words is FAULT or (status not in TRY_AGAIN and again_s is None):
        return said
    again = LATER.in_(language) if again_s is None else AGAIN.in_(language).format(wait=span(again_s, language))
    return said + ("" if language == "zh" else " ") + again


def span(seconds: int, language: Language) -> str:
    """As people say it, never too short: 200 is 4 minutes."""
    for unit_s, en, zh in UNITS:
        if seconds >= FROM * unit_s or seconds == unit_s:
            return _many(-(-seconds // unit_s), en, zh, language)
    return _many(max(1, seconds), "second", "秒", language)


def _many(n: int, en: str, zh: str, language: Language) -> str:
    return f"{n} {zh}" if language == "zh" else f"{n} {en}{'s' * (n != 1)}"
