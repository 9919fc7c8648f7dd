"""What an operator's own Asterisk needs to serve Ringbridge, made from the same templates as the embedded one's."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ari_app.config import Mistakes, Settings
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.cli_common import Failure

if TYPE_CHECKING:
    from ari_app.stack.transports import OurEnd

CEL_DIR = "/var/log/asterisk/cel-custom"
AGI_PORT = 4573
WANTED = (
    "http.conf",
    "ari.conf",
    "manager.conf",
    "cel.conf",
    "cel_custom.conf",
    "modules.conf",
    "extensions.conf",
    "sorcery.conf",
)
OURS_ALONE = ("baseline", "{{ami_bench_user}}")
"""Sections of the templates that serve the project's own benchmark; a line that names one in `…` does so too."""
HEAD = {
    "modules.conf": "; The modules that a call needs. With autoload = yes in yours they are there already.\n",
    "extensions.conf": (
        "; Add these contexts to yours, and the global variable to your [globals]. Then set RINGBRIDGE_AGI_PORT and\n"
        "; _AGI_SECRET to what stands here. Of several PBXes each has its own name in the AGI line (docs/inbound.md).\n"
    ),
    "http.conf": "; Merge into yours. Then set RINGBRIDGE_ARI_URL, _ARI_USER and _ARI_PASSWORD.\n",
    "manager.conf": "; Read-only: shows trunks as up or down. Set RINGBRIDGE_AMI_URL, _AMI_USER and _AMI_PASSWORD.\n",
    "pjsip_trunks.conf": "; Include it in your pjsip.conf, where transport-udp and transport-tcp are. Has passwords.\n",
    "sorcery.conf": "; For users' devices; add these lines to yours. A change needs a restart.\n",
    "pjsip.conf": "; For users' devices: these lines into the [global] section of yours. A change needs a restart.\n",
    "cel_custom.conf": "; Name the file in RINGBRIDGE_CEL_FILE where Ringbridge runs on the same machine.\n",
}


def files(config: str | None) -> dict[str, str]:
    """File name → text. A password that is not set is made up here: put it into the settings too. Raises Failure."""
    from ari_app.entrypoints.cli_up import load
    from ari_app.operator_files import load_carriers
    from ari_app.stack import StackError
    from ari_app.stack.render import conf_dir, render
    from ari_app.stack.transports import OurEnd

    s = load(config).settings
    values = {
        "ari_user": s.ari_user, "ari_password": s.ari_password or secrets.token_hex(16),
        "ami_user": s.ami_user, "ami_secret": s.ami_password or secrets.token_hex(16),
        "http_port": _port(s.ari_url, 8088), "ami_port": _port(s.ami_url, 5038), "stasis_app": s.ari_app,
        "run_dir": CEL_DIR, "agi_address": _agi_address(s), "agi_secret": s.agi_secret or secrets.token_hex(16),
        "node": s.node if s.nodes_file else "",
    }  # fmt: skip
    try:
        source = conf_dir("pbx")
        made = {name: HEAD.get(name, "") + render(_theirs(source / name), values, name=name) for name in WANTED}
        made["pjsip.conf"] = HEAD["pjsip.conf"] + _global((source / "pjsip.conf").read_text("utf-8"))
        if s.cel_file:
            made["cel_custom.conf"] = made["cel_custom.conf"].replace(f"{CEL_DIR}/cel.csv", s.cel_file)
        if s.trunks_file:
            end = OurEnd(tls_ca_file=s.sip_tls_ca_file, media_timeout_s=s.media_timeout_s)
            made |= trunk_files(load_carriers(s, s.trunks_file), end)
    except (StackError, Mistakes) as e:
        raise Failure(str(e)) from None
    return made


def _agi_address(s: Settings) -> str:
    """As Asterisk finds it."""
    host = "127.0.0.1" if s.agi_host in ("0.0.0.0", "::") else s.agi_host
    return f"{f'[{host}]' if ':' in host else host}:{s.agi_port or AGI_PORT}"


def _global(template: str) -> str:
    """What it says to all of PJSIP; the transports are the operator's."""
    return template[template.index("[global]") : template.index("[transport-")].rstrip() + "\n"


def trunk_files(trunks: Sequence[Trunk], end: OurEnd) -> dict[str, str]:
    """Raises StackError."""
    from ari_app.stack import render_trunks
    from ari_app.stack.marks import marked
    from ari_app.stack.shaken import SHAKEN_FILE, SHAKEN_MODULES_FILE, render_shaken, shaken_modules, shaken_sections

    name = "pjsip_trunks.conf"
    made = {name: HEAD[name] + marked(render_trunks(trunks, end))}  # by it `trunks apply` sees what Asterisk has
    if any(shaken_sections(trunks)):
        made |= {SHAKEN_FILE: render_shaken(trunks), SHAKEN_MODULES_FILE: shaken_modules(trunks)}
    return made


def _theirs(path: Path) -> str:
    """The template without the sections that are ours alone, each with the comment above it, and their modules."""
    kept: list[str] = []
    block: list[str] = []
    is_ours = False
    for line in [*path.read_text("utf-8").splitlines(), "["]:
        if any(f"`{name}`" in line for name in OURS_ALONE):
            continue
        if line.startswith("["):
            above = len(block)
            while above and block[above - 1].startswith(";"):
                above -= 1
            kept += [] if is_ours else block[:above]
            block, is_ours = block[above:], line.strip("[]") in OURS_ALONE
        block.append(line)
    return "\n".join(kept).rstrip() + "\n"


def _port(url: str, usual: int) -> int:
    return (urlsplit(url).port if url else None) or usual
