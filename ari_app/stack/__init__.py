"""The embedded stack: Redis, the PBX and the simulated carrier, as ordinary processes of this user.

    stack = Stack(StackOptions(state_dir=Path(".ringbridge")))
    stack.prepare()        # once a machine: fetches and unpacks what PATH does not have
    info = stack.start()   # starts what is not running; every part answers when it returns
    info.ari_url, info.redis_url, info.cel_path, info.carrier_dir, info.started_here …
    stack.asterisk_rx("pbx", "core show channels concise")
    stack.stop()           # from any process that uses the same state directory

All calls block: from a running event loop, use `asyncio.to_thread`. What stops them is a `StackError`, whose message
is a sentence for a person. The servers outlive the process that started them.
"""

from ari_app.stack.customer import Customer
from ari_app.stack.errors import BrokenOff, StackError
from ari_app.stack.plan import StackInfo, StackOptions
from ari_app.stack.stack import PartStatus, Stack
from ari_app.stack.tools import Tools
from ari_app.stack.transports import OurEnd
from ari_app.stack.trunks import render_trunks

__all__ = [
    "BrokenOff",
    "Customer",
    "OurEnd",
    "PartStatus",
    "Stack",
    "StackError",
    "StackInfo",
    "StackOptions",
    "Tools",
    "render_trunks",
]
