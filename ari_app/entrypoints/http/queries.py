"""The query of a request: no parameter that its route does not know. One that is misspelt would be a filter that is not
applied, and a list of everybody's calls. Stands before every route; knows none of them."""

from __future__ import annotations

from fastapi.routing import APIRoute
from starlette.requests import Request

from ari_app.config.mistakes import did_you_mean
from ari_app.entrypoints.http.problems import Problem

TOLD_MAX = 10
"""Unknown parameters that one answer names."""


async def known_alone(request: Request) -> None:
    """A dependency of every router. Raises Problem (422) that names the unknown ones."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    if not request.query_params or not route.path.startswith("/v1/"):  # probes may add what they like
        return
    known = [parameter.alias for parameter in route.dependant.query_params]
    unknown = [name for name in dict.fromkeys(request.query_params.keys()) if name not in known]
    if unknown:
        said = [{"field": name, "detail": _sentence(name, known)} for name in unknown[:TOLD_MAX]]
        text = f"{unknown[0]}: {said[0]['detail']}"
        raise Problem("malformed-request", text, unknown[0], extra={"errors": said} if len(said) > 1 else None)


def _sentence(name: str, known: list[str]) -> str:
    if not known:
        return "there is no such parameter; none are known here."
    told = f"there is no such parameter; known are {', '.join(known)}"
    return f"{told}{did_you_mean(name, known) or '.'}"
