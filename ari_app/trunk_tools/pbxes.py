"""The PBXes of an installation, embedded or the operator's own, as `trunks apply` sees them: which files it may write
for them, and how they are asked. Starts none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ari_app.concealed import conceal
from ari_app.config import Settings
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.pbx_config import trunk_files
from ari_app.ground import stack_for
from ari_app.nodes_file import NodeSpec, load_nodes, the_one
from ari_app.stack import Stack, StackError
from ari_app.stack.marks import PjsipSection, sections
from ari_app.stack.servers import TRUNK_FILE
from ari_app.stack.shaken import SHAKEN_FILE
from ari_app.stack.transports import OurEnd
from ari_app.trunk_tools.asking import Ami, Ari, ami_of

PJSIP, SHAKEN = "res_pjsip.so", "res_stir_shaken.so"


@dataclass(frozen=True, slots=True)
class Told:
    """What a PBX is told of some trunks."""

    text: str  # pjsip_trunks.conf
    files: Mapping[Path, str]  # those that we may write; none: they are for the operator's hand
    modules: tuple[str, ...] = (PJSIP,)  # that read them
    lasting: tuple[str, ...] = ()  # files that would change, and that only a start of the PBX reads

    def sections(self) -> tuple[PjsipSection, ...]:
        return sections(self.text)

    def profiles(self) -> tuple[PjsipSection, ...]:
        """By which calls are signed."""
        texts = [text for path, text in self.files.items() if path.name == SHAKEN_FILE]
        return tuple(one for text in texts for one in sections(text) if one.kind == "profile")

    def is_written(self) -> bool:
        return all(path.exists() and path.read_text("utf-8") == text for path, text in self.files.items())


@dataclass(frozen=True, slots=True)
class OwnPbx:
    """The operator's."""

    name: str
    settings: Settings = field(repr=False)
    ari: Ari
    ami: Ami | None
    path: Path | None  # of pjsip_trunks.conf there
    log: Path | None = None
    is_running: bool = True  # to be asked, at least

    def told(self, trunks: Sequence[Trunk]) -> Told:
        made = _made(self.settings, trunks)
        mine = {TRUNK_FILE: PJSIP, SHAKEN_FILE: SHAKEN}
        names = [name for name in made if name in mine] if self.path is not None else []
        return Told(
            text=made[TRUNK_FILE],
            files={self.path if name == TRUNK_FILE else self.path.with_name(name): made[name] for name in names}
            if self.path is not None
            else {},
            modules=tuple(mine[name] for name in names) or (PJSIP,),
        )


@dataclass(frozen=True, slots=True)
class EmbeddedPbx:
    name: str
    settings: Settings = field(repr=False)
    ari: Ari
    ami: Ami | None
    log: Path
    is_running: bool

    def told(self, trunks: Sequence[Trunk]) -> Told:
        found = _stack(self.settings, trunks).trunk_files()
        [text] = [text for path, text in found.files.items() if path.name == TRUNK_FILE]
        return Told(text, found.files, found.modules, found.lasting)


TrunkPbx = OwnPbx | EmbeddedPbx


def _made(settings: Settings, trunks: Sequence[Trunk]) -> dict[str, str]:
    return trunk_files(trunks, OurEnd(tls_ca_file=settings.sip_tls_ca_file, media_timeout_s=settings.media_timeout_s))


def rendered(settings: Settings, trunks: Sequence[Trunk]) -> str:
    """pjsip_trunks.conf of these trunks alone, wherever it goes. Raises StackError."""
    return _made(settings, trunks)[TRUNK_FILE]


def pbxes_of(settings: Settings) -> list[TrunkPbx]:
    """None where the embedded one was never started: then there is no place for its files yet. Raises Mistakes and
    StackError."""
    conceal(settings.ari_password, settings.ami_password)
    if settings.is_embedded:
        return _embedded(settings)
    nodes = load_nodes(settings.nodes_file, settings) if settings.nodes_file else (the_one(settings),)
    return [_own(node, settings) for node in nodes]


def _own(node: NodeSpec, settings: Settings) -> OwnPbx:
    conceal(node.ari_password, node.ami_password)
    return OwnPbx(
        name=node.name,
        settings=settings,
        ari=Ari(node.ari_url, node.ari_user, node.ari_password),
        ami=ami_of(node.ami_url, node.ami_user, node.ami_password),
        path=Path(node.pjsip_trunks_file).expanduser().absolute() if node.pjsip_trunks_file else None,
    )


def _embedded(settings: Settings) -> list[TrunkPbx]:
    stack = _stack(settings, ())
    try:
        found, info = stack.trunk_files(), stack.info()
    except StackError:
        return []
    conceal(info.ari_password, info.ami_secret)
    return [
        EmbeddedPbx(
            name=settings.node,
            settings=settings,
            ari=Ari(info.ari_url, info.ari_user, info.ari_password),
            ami=Ami(info.ami_host, info.ami_port, info.ami_user, info.ami_secret),
            log=info.logs["pbx"],
            is_running=found.is_running,
        )
    ]


def _stack(settings: Settings, trunks: Sequence[Trunk]) -> Stack:
    stack = stack_for(settings, trunks)
    assert stack is not None
    return stack
