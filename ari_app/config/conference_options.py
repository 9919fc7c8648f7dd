"""The settings of conferences. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.config.kinds import flag, option, seconds, whole

PHONES = whole(2, 30)


@dataclass(frozen=True)
class ConferenceOptions:
    # A table: the formatter would give each of its lines five.
    # fmt: off
    conference_personal_max: int = option(5, PHONES,
        "Phones that a conference may have at once, the host's among them, where no team gives him his plan.",
        section="conferences")
    conference_team_max: int = option(9, PHONES, "Likewise, where a team does.", section="conferences")
    conference_certified_max: int = option(16, PHONES, "Likewise, where a certified team does.", section="conferences")
    conference_ends_with_host: bool = option(True, flag(),
        "When the host hangs up, all are hung up: he pays for every one of them. Off: it goes on, for his minutes, "
        "until one is left. A request may say otherwise.", section="conferences")
    conference_confirm: bool = option(False, flag(),
        "Who is called into a conference must press 1 to join it (a guard against voicemail); a request may say "
        "otherwise.", section="conferences")
    conference_alone_ms: int = option(120_000, seconds(1000, 3600),
        "So long the last one waits for others to come, to be rung again, or to dial in; then it ends.",
        section="conferences", unit="s")
    conference_tones: bool = option(True, flag(),
        "All hear sound_conference_entry and sound_conference_leave when somebody comes and goes.",
        section="conferences")
    conference_pin_ms: int = option(3_600_000, seconds(1000, 86_400),
        "So long a PIN is good with which one person may dial in.", section="conferences", unit="s")
    # fmt: on
