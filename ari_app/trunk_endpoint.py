"""`endpoint/NAME = value`: the options of a PJSIP endpoint as Asterisk 22 knows them, and those that are not for a
trunk to change. Data first. Knows no file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ari_app.config.mistakes import did_you_mean

MARK = "endpoint/"
VALUE_MAX = 512
FORM = re.compile(r"endpoint/[a-z0-9_]{1,60}")

NAMES = """
100rel aggregate_mwi allow codec_prefs_incoming_offer codec_prefs_outgoing_offer codec_prefs_incoming_answer
codec_prefs_outgoing_answer allow_overlap overlap_context aors auth callerid callerid_privacy callerid_tag context
direct_media_glare_mitigation direct_media_method trust_connected_line send_connected_line connected_line_method
direct_media disable_direct_media_on_nat disallow dtmf_mode media_address bind_rtp_to_media_address force_rport
ice_support identify_by redirect_method follow_redirect_methods mailboxes mwi_subscribe_replaces_unsolicited
voicemail_extension moh_suggest outbound_auth outbound_proxy rewrite_contact rtp_ipv6 rtp_symmetric send_diversion
send_history_info send_pai send_rpid rpid_immediate tenantid timers_min_se timers timers_sess_expires transport
trust_id_inbound trust_id_outbound type use_ptime use_avpf force_avp media_use_received_transport media_encryption
media_encryption_optimistic g726_non_standard inband_progress call_group pickup_group named_call_group
named_pickup_group device_state_busy_at t38_udptl t38_udptl_ec t38_udptl_maxdatagram fax_detect fax_detect_timeout
t38_udptl_nat t38_udptl_ipv6 t38_bind_udptl_to_media_address tone_zone language one_touch_recording
record_on_feature record_off_feature rtp_engine allow_transfer user_eq_phone moh_passthrough sdp_owner sdp_session
tos_audio tos_video cos_audio cos_video allow_subscribe sub_min_expiry from_user mwi_from_user from_domain
dtls_verify dtls_rekey dtls_auto_generate_cert dtls_cert_file dtls_private_key dtls_cipher dtls_ca_file
dtls_ca_path dtls_setup dtls_fingerprint srtp_tag_32 set_var message_context accountcode preferred_codec_only
incoming_call_offer_pref outgoing_call_offer_pref rtp_keepalive rtp_timeout rtp_timeout_hold rtp_port_start
rtp_port_end acl deny permit contact_acl contact_deny contact_permit subscribe_context contact_user
asymmetric_rtp_codec rtcp_mux refer_blind_progress notify_early_inuse_ringing max_audio_streams max_video_streams
bundle webrtc incoming_mwi_mailbox follow_early_media_fork accept_multiple_sdp_answers
suppress_q850_reason_headers ignore_183_without_sdp stir_shaken stir_shaken_profile allow_unauthenticated_options
security_negotiation security_mechanisms geoloc_incoming_call_profile geoloc_outgoing_call_profile send_aoc
suppress_moh_on_sendonly
"""
"""What `config show help res_pjsip endpoint` of Asterisk 22.10.1 lists."""
KNOWN = frozenset(NAMES.split())

OURS: Mapping[str, str] = {
    "type": "it is an endpoint",
    "transport": "stands in transport",
    "context": "calls that come in go to Ringbridge's own context",
    "message_context": "nobody reads messages here",
    "subscribe_context": "nobody subscribes here",
    "aors": "follows from host",
    "auth": "a carrier is told by its address",
    "outbound_auth": "stands in username and password",
    "identify_by": "by the From header anybody who knows the name would be this carrier",
    "allow": "stands in codecs",
    "disallow": "stands in codecs",
    "direct_media": "sound goes through the PBX, so that a call can be warned and cut when its minutes end",
    "rtp_timeout": "stands in the setting media_timeout_s",
    "rtp_timeout_hold": "stands in the setting media_timeout_s",
    "allow_transfer": "a carrier's REFER would place a call that nobody pays for",
    "allow_subscribe": "nobody subscribes here",
    "redirect_method": "a carrier's 302 would place a call to a number that nobody checked",
    "follow_redirect_methods": "a carrier's 302 would place a call to a number that nobody checked",
    "send_connected_line": "it would tell one side's carrier who the other side is",
    "send_pai": "stands in identity",
    "send_rpid": "stands in identity",
    "send_diversion": "stands in diversion",
    "trust_id_outbound": "stands in privacy",
    "from_user": "stands in from_user",
    "from_domain": "stands in from_domain",
    "outbound_proxy": "stands in outbound_proxy",
    "media_encryption": "stands in srtp",
    "media_encryption_optimistic": "stands in srtp: encrypted sound is never silently in clear",
    "webrtc": "a carrier is no browser",
    "set_var": "it could lift the timer that ends a call when its minutes do",
    "stir_shaken": "stands in stir_shaken",
    "stir_shaken_profile": "stands in stir_shaken",
}
"""Options that Ringbridge sets itself, and why; each keeps a promise, or has its place in sip_trunks.conf."""

FREE = KNOWN - OURS.keys()


def wrong_name(written: str) -> str:
    """What is wrong with `endpoint/NAME`, or ""."""
    name = written.removeprefix(MARK)
    if name in OURS:
        return f"{written}: not to be changed here: {OURS[name]}"
    if name not in FREE:
        shown = written if FORM.fullmatch(written) else MARK + "…"
        return f'unknown option "{shown}": Asterisk\'s endpoints have none of this name' + did_you_mean(name, FREE)
    return ""


def wrong_value(written: str, value: str) -> str:
    """What is wrong with its value, or "". What it means only Asterisk knows."""
    if not value or len(value) > VALUE_MAX or not value.isprintable():
        return f"{written}: expected a value of 1 to {VALUE_MAX} characters, for Asterisk to judge"
    return ""
