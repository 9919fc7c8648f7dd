"""The HTTP API: `front = build(doors)` makes the ASGI app; `server = serve(front, host, port)` binds it, and
`await server.run()` answers inside this process until `server.stop()`."""

from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.doors import Doors, Part, TrunkNow
from ari_app.entrypoints.http.server import PortTaken, Server, serve

__all__ = ["Doors", "Part", "PortTaken", "Server", "TrunkNow", "build", "serve"]
