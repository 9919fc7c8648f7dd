"""What a caller may be told, in English and in Mandarin: one table. Each line is two settings, `sound_<name>` and
`sound_<name>_zh`; docs/prompts.md shows it. Knows no call type and no PBX.

`english`: recordings that come with Asterisk. Where none says it well, `spoken` does, by the voice; the recordings then
are what is heard where no voice is to be had. `{n}` is the number that comes with the name, as in `minutes_left:42`.
"""

# Mandarin has commas of its own:

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

SAY = "say:"
TONES = ("beep", "confbridge-join", "confbridge-leave")
"""Recordings that are no words."""


@dataclass(frozen=True, slots=True)
class Prompt:
    name: str
    help: str
    english: tuple[str, ...]
    mandarin: str
    spoken: str = ""
    least: int = 0
    """How many parts the setting must have: 0 where nothing at all may be said."""

    @property
    def default(self) -> tuple[str, ...]:
        """Of the setting sound_<name>."""
        return self._among_tones(self.spoken)

    @property
    def default_zh(self) -> tuple[str, ...]:
        """What is heard in Mandarin where neither setting was changed."""
        return self._among_tones(self.mandarin)

    def _among_tones(self, words: str) -> tuple[str, ...]:
        """The words in place of the recordings; tones before and after those stay."""
        if not words:
            return self.english
        before = tuple(takewhile(TONES.__contains__, self.english))
        after = tuple(takewhile(TONES.__contains__, reversed(self.english)))
        return (*before, SAY + words, *reversed(after))


# A table: the formatter would give each of its lines five.
# fmt: off
PROMPTS: tuple[Prompt, ...] = (
    # a callback
    Prompt("prompt", "The caller has answered.", ("one-moment-please",), "请稍候，正在为您接通。"),
    Prompt("confirm", "Asks the caller to press 1.", ("if-correct-press", "digits/1"), "接通请按一。", least=1),
    Prompt("minutes_ending", "The minutes end soon; change it together with warning_s.",
        ("beep", "vm-youhave", "queue-less-than", "digits/1", "minute"), "您的通话时长不足一分钟。", least=1),
    Prompt("busy", "The callee is busy.", ("vm-theperson", "vm-isonphone"), "您拨打的用户正在通话中，请稍后再拨。"),
    Prompt("no_answer", "The callee does not answer.", ("number-not-answering",), "您拨打的电话无人接听，请稍后再拨。"),
    Prompt("unavailable", "The callee cannot be reached now (switched off, out of reach, or he rejects the call).",
        ("vm-theperson", "vm-isunavail"), "您拨打的用户暂时无法接通，请稍后再拨。"),
    Prompt("not_in_service", "The callee's number does not exist, or no longer.",
        ("ss-noservice",), "您拨打的号码是空号，请核对后再拨。"),
    Prompt("trunk_failed", "No trunk could take the call.", ("all-circuits-busy-now",), "线路繁忙，请稍后再拨。"),

    # one who calls the platform's number
    Prompt("greeting", "One whom we know has called the platform's number.", ("hello",), "您好，欢迎致电。"),
    Prompt("minutes_left", "How many minutes he has: {n}.", ("vm-youhave", "number:{n}", "minutes"),
        "您还有{n}分钟。", least=1),
    Prompt("minute_left", "Likewise, where it is one.", ("vm-youhave", "digits/1", "minute"),
        "您还有一分钟。", least=1),
    Prompt("no_minutes", "He has none.", ("vm-youhave", "vm-no", "minutes"), "您的通话时长已用完。", least=1),
    Prompt("key_number", "Asks for the number to be called, then the hash key.",
        ("vm-enter-num-to-call", "vm-then-pound"), "请输入您要拨打的号码，按井号键结束。", least=1),
    Prompt("connect_or_hang_up", "Press 1 to be connected at once, or hang up to be called back.",
        ("vm-press", "digits/1", "to-call-this-number"), "立即接通请按一。或者直接挂机，我们马上给您回电。",
        "Press 1 to be connected now. Or hang up, and we call you back.", least=1),
    Prompt("we_call_back", "We call him back.", ("auth-thankyou", "vm-goodbye"), "请挂机，我们马上给您回电。",
        "Please hang up. We call you back in a moment."),
    Prompt("goodbye", "The end.", ("vm-goodbye",), "再见。"),
    Prompt("cannot_be_called", "The number that he keyed is none that may be called.",
        ("cannot-complete-as-dialed",), "您输入的号码无法拨打。", least=1),
    Prompt("not_known", "A stranger has called the platform's number.",
        ("privacy-unident", "vm-goodbye"), "对不起，您的号码尚未注册，无法使用本服务。再见。",
        "Sorry, this service is for registered numbers only. Goodbye.", least=1),
    Prompt("out_of_order", "Something does not work on our side.",
        ("please-try-call-later",), "对不起，服务暂时不可用，请稍后再拨。", least=1),

    # a conference
    Prompt("enter_pin", "Asks for the PIN of a conference, then the hash key.",
        ("conf-getpin", "vm-then-pound"), "请输入会议密码，按井号键结束。", least=1),
    Prompt("pin_wrong", "There is no such PIN.", ("conf-invalidpin", "please-try-again"),
        "密码错误，请重试。", least=1),
    Prompt("conference_not_begun", "It has not begun.", ("conf-waitforleader",), "会议尚未开始。", least=1),
    Prompt("conference_over", "It is over.", ("confbridge-conf-end",), "会议已经结束。",
        "This conference is over.", least=1),
    Prompt("conference_full", "Nobody else has room in it.", ("conf-full",), "会议人数已满。",
        "This conference is full.", least=1),
    Prompt("conference_joining", "He is about to hear the others.", ("conf-placeintoconf",), "您即将加入会议。"),
    Prompt("conference_entry", "All hear that somebody has joined.", ("confbridge-join",), ""),
    Prompt("conference_leave", "All hear that somebody has left.", ("confbridge-leave",), ""),

    # a notice
    Prompt("notice_from", "A notice begins.", ("vm-youhave", "vm-message"),
        "您有一条通知。", "Here is a notice for you."),
    Prompt("press_1_confirm", "How it is confirmed.", ("vm-press", "digits/1"), "确认收到请按一。",
        "To confirm this notice, press 1.", least=1),
    Prompt("press_n_confirm", "Likewise, where another key confirms: {n}.", ("vm-press", "digits:{n}"),
        "确认收到请按{n}。", "To confirm this notice, press {n}.", least=1),
    Prompt("press_2_again", "How it is heard again.", ("vm-press", "digits/2", "to-listen-to-it"), "重听请按二。",
        "To hear it again, press 2.", least=1),
    Prompt("press_3_sender", "How its sender is reached.", ("vm-press", "digits/3", "to-call-this-number"),
        "与发送人通话请按三。", "To speak to the sender, press 3.", least=1),
    Prompt("confirmed", "It was confirmed.", ("auth-thankyou",), "已确认，谢谢。", "Confirmed. Thank you."),

    # a verification
    Prompt("your_code_is", "Before a code is read out.", ("your", "vm-password", "is"),
        "您的验证码是。", "Your code is.", least=1),

    # a recording
    Prompt("recorded", "Everybody in the call is told that it is recorded.", ("conf-now-recording", "beep"),
        "本次通话将被录音。", "This call is recorded.", least=1),
)
# fmt: on
