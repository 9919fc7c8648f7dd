"""The endpoint's options that a trunks file may name are those that Asterisk itself lists."""

import re

from ari_app.trunk_endpoint import KNOWN
from tests.ground import Ground


def test_the_options_of_an_endpoint_are_those_of_asterisk(ground: Ground) -> None:
    told = ground.rx("config show help res_pjsip endpoint").partition("[Config Options]")[2]
    listed = set(re.findall(r"^([a-z0-9_]+) +-- ", told, re.MULTILINE))

    assert len(listed) > 100
    assert listed == KNOWN
