"""The query of a request: no parameter that its route does not know, none twice. One that is misspelt would be a filter
that is not applied, and a list of everybody's calls. Stands before every route; knows none of them."""

from __future__ import annotations

from collections import Counter

from fastapi.routing import APIRoute
from starlette.requests import Request

from ari_app.config.mistakes import did_you_mean
from ari_app.entrypoints.http.problems import Problem

TOLD_MAX = 10
"""Unknown parameters that one answer names."""
TWICE = "this parameter stands there twice."


async def known_alone(request: Request) -> None:
    """A dependency of every router. Raises Problem (422) that names the unknown ones."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    if not request.query_params or not route.path.startswith("/v1/"):  # probes may add what they like
        return
    known = [parameter.alias for parameter in route.dependant.query_params]
    names = Counter(name for name, _ in request.query_params.multi_items())
    wrong = {name: TWICE if name in known else _sentence(name, known) for name, count in names.items()
             if count > 1 or name not in known}  # fmt: skip
    if wrong:
        said = [{"field": name, "detail": detail} for name, detail in list(wrong.items())[:TOLD_MAX]]
        text = f"{said[0]['field']}: {said[0]['detail']}"
        extra = {"errors": said} if len(said) > 1 else None
        raise Problem("malformed-request", text, said[0]["field"], extra=extra)


def _sentence(name: str, known: list[str]) -> str:
    if not known:
        return "there is no such parameter; none are known here."
    told = f"there is no such parameter; known are {', '.join(known)}"
    return f"{told}{did_you_mean(name, known) or '.'}"
