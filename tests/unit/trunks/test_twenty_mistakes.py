"""One file with twenty different mistakes: each is told with its line, and nothing else is said."""

from pathlib import Path

import pytest

from ari_app.config import Mistakes
from ari_app.trunks_file import load_trunks

FILE = Path(__file__).with_name("twenty_mistakes.conf")
TOLD = {
    3: "host: 'sip.example.net:5060' will not do; expected a host name",
    4: 'did you mean "tls"?',
    5: "expected a whole number from 1 to 65535",
    6: 'unknown option "prioritty"; did you mean "priority"?',
    7: "not so is 'mp3'",
    8: "expected platform, verified, fixed +NUMBER",
    9: 'did you mean "+86"?',
    10: "it never opens; a whole day is 00:00-24:00",
    11: 'did you mean "busy"?',
    12: 'did you mean "192.0.2.0/24"?',
    13: "expected a price a minute such as 0.06",
    14: "expected a billing increment such as 60/60",
    15: 'did you mean "dtmf_mode"?',
    16: "not to be changed here: sound goes through the PBX",
    18: "[transport-udp]: Asterisk uses this name itself",
    25: "weight: 'many' will not do; expected a whole number",
    26: "weight: given twice, first in line 25",
    27: "'weight …' will not do; expected [trunk] or option = value",
    31: "stir_shaken: needs stir_shaken_key and stir_shaken_cert_url too",
    36: "spend_alarm: must not be more than spend_max",
}


def test_twenty_mistakes_are_twenty_messages_each_with_its_line() -> None:
    with pytest.raises(Mistakes) as caught:
        load_trunks(FILE)
    assert len(TOLD) == 20
    assert [str(one).removeprefix(f"{FILE}:").split(": ")[0] for one in caught.value.found] == [str(n) for n in TOLD]
    for mistake, told in zip(caught.value.found, TOLD.values(), strict=True):
        assert told in mistake.what
    assert "hunter2" not in str(caught.value)
