"""What the end of a leg means. Each row is a thing a carrier or a phone does."""

import pytest

from ari_app.domain.causes import BY_SIP, REASONS, Ours, Outcome, is_carrier_fault, outcome, reason

S = Outcome


@pytest.mark.parametrize(
    ("what", "cause", "sip", "heard", "ours", "expected"),
    [
        ("busy", 17, 486, "", None, S.BUSY),
        ("busy after ringing", 17, 486, "rang", None, S.BUSY),
        ("busy everywhere", 17, 600, "", None, S.BUSY),
        ("rejected while ringing", 21, 603, "rang", None, S.REJECTED),
        ("no such number", 1, 404, "", None, S.UNREACHABLE),
        ("no such number any more", 22, 410, "", None, S.UNREACHABLE),
        ("incomplete number", 28, 484, "", None, S.UNREACHABLE),
        ("an announcement, then 480", 19, 480, "early_media", None, S.UNREACHABLE),
        ("480 at once", 19, 480, "", None, S.UNREACHABLE),
        ("it rang, then the network gave up", 19, 480, "rang", None, S.NO_ANSWER),
        ("480 whose Reason header says busy", 17, 480, "", None, S.BUSY),
        ("480 whose Reason header says rejected", 21, 480, "rang", None, S.REJECTED),
        ("our own ring time-out looks the same on the wire", 19, 480, "rang", "ring_timeout", S.NO_ANSWER),
        ("our ring time-out after early media alone", 19, 480, "early_media", "ring_timeout", S.NO_ANSWER),
        ("our ring time-out and never a sign", 19, 480, "", "ring_timeout", S.TRUNK_FAILED),
        ("100 Trying and nothing more", 19, 480, "", "pdd_timeout", S.TRUNK_FAILED),
        ("service unavailable", 34, 503, "", None, S.TRUNK_FAILED),
        ("server error", 38, 500, "", None, S.TRUNK_FAILED),
        ("a server error nobody listed", 34, 599, "", None, S.TRUNK_FAILED),
        ("no reaction to the INVITE", 18, 408, "", None, S.TRUNK_FAILED),
        ("408 after ringing", 18, 408, "rang", None, S.NO_ANSWER),
        ("gateway time-out after ringing", 102, 504, "rang", None, S.NO_ANSWER),
        ("the carrier does not let us", 21, 403, "", None, S.TRUNK_FAILED),
        ("wrong password", 21, 401, "", None, S.TRUNK_FAILED),
        ("no codec in common", 58, 488, "", None, S.TRUNK_FAILED),
        ("a redirection that we do not follow", 23, 302, "", None, S.TRUNK_FAILED),
        ("a 4xx nobody listed", 127, 499, "", None, S.TRUNK_FAILED),
        ("a 6xx nobody listed", 127, 699, "", None, S.UNREACHABLE),
        ("nothing known at all", None, None, "", None, S.TRUNK_FAILED),
        ("no contact", 20, None, "", None, S.TRUNK_FAILED),
        ("cause alone: busy", 17, None, "", None, S.BUSY),
        ("cause alone: unallocated", 1, None, "", None, S.UNREACHABLE),
        ("cause alone: rejected", 21, None, "", None, S.REJECTED),
        ("cause alone: no answer, it rang", 19, None, "rang", None, S.NO_ANSWER),
        ("cause alone: no answer, it never rang", 19, None, "", None, S.UNREACHABLE),
        ("cause alone: congestion", 42, None, "", None, S.TRUNK_FAILED),
        ("a 200 on record is no failure's status", 17, 200, "", None, S.BUSY),
        ("hung up after the answer", 16, None, "answered", None, S.ANSWERED),
        ("hung up after the answer by us", 16, None, "answered", "cancel", S.ANSWERED),
        ("no sound for too long", 44, None, "answered", None, S.MEDIA_LOST),
        ("cause 44 before the answer", 44, None, "", None, S.TRUNK_FAILED),
        ("cancelled while ringing", 127, 487, "rang", "cancel", S.CANCELLED),
        ("cancelled by nobody known, after ringing", 127, 487, "rang", None, S.NO_ANSWER),
    ],
)
def test_an_end_has_one_meaning(
    what: str, cause: int | None, sip: int | None, heard: str, ours: Ours | None, expected: Outcome
) -> None:
    ended = outcome(
        cause,
        sip,
        rang=heard == "rang",
        early_media=heard == "early_media",
        answered=heard == "answered",
        ours=ours,
    )

    assert ended is expected, what


def test_a_trunk_s_own_table_goes_first_and_its_status_before_its_cause() -> None:
    own = ((503, "busy"), (19, "rejected"), (480, "no_answer"))

    assert outcome(34, 503, overrides=own) is S.BUSY
    assert outcome(19, 480, overrides=own) is S.NO_ANSWER
    assert outcome(19, None, overrides=own) is S.REJECTED
    assert outcome(17, 486, overrides=own) is S.BUSY


def test_what_we_did_ourselves_is_no_matter_of_the_trunk_s_table() -> None:
    assert outcome(19, 480, rang=True, ours="ring_timeout", overrides=((480, "busy"),)) is S.NO_ANSWER


def test_only_a_trunk_s_failure_is_tried_elsewhere() -> None:
    assert {one for one in Outcome if is_carrier_fault(one)} == {S.TRUNK_FAILED}


def test_every_sip_status_in_the_table_is_a_failure() -> None:
    assert all(400 <= status <= 699 for status in BY_SIP)


@pytest.mark.parametrize("role", ["caller", "callee"])
def test_every_outcome_has_a_reason_in_the_closed_list(role: str) -> None:
    named = {one: str(reason(role, one)) for one in Outcome}

    assert set(named.values()) <= set(REASONS)
    assert named[S.BUSY] == f"{role}_busy"
    assert named[S.NO_ANSWER] == f"{role}_no_answer"
    assert named[S.REJECTED] == f"{role}_rejected"
    assert named[S.UNREACHABLE] == f"{role}_unreachable"
    assert named[S.TRUNK_FAILED] == "trunk_failed"
    assert named[S.UNKNOWN] == "interrupted"


def test_the_closed_list_is_the_published_one() -> None:
    assert set(REASONS) == {
        "completed", "caller_busy", "caller_no_answer", "caller_rejected", "caller_unreachable",
        "caller_not_confirmed", "caller_gave_up", "callee_busy", "callee_no_answer", "callee_rejected",
        "callee_unreachable", "balance_empty", "max_duration", "cancelled", "trunk_failed", "refused", "media_lost",
        "interrupted",
    }  # fmt: skip
