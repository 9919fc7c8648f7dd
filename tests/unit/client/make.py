"""`python -m tests.unit.client.make`: writes the client's answers and operations anew, from the API's own description.

A test compares what is there with what this would write; after a change of the API run it.
"""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ari_app.entrypoints.http.app import api

CLIENT = Path(__file__).parents[3] / "ari_app" / "client"
NAMES = {
    "place": "place_call", "show": "show_call", "end": "end_call", "events": "call_events", "fetch": "fetch_recording",
    "delete": "delete_recording", "begin": "begin_conference", "ring": "ring_participant",
    "change": "change_participant", "refund": "refund_call", "put": "put_user", "get": "show_user",
    "verify": "verify_number", "confirm": "confirm_number", "send": "send_notice", "cancel": "cancel_notice",
    "remind": "remind_notice", "make": "make_key", "revoke": "revoke_key", "members": "list_members",
    "of_month": "settlement", "trunks": "list_trunks", "trunk": "show_trunk", "place_test": "place_trunk_test",
    "show_test": "show_trunk_test", "make_token": "make_click_token",
    "all_events": "list_events",
}  # fmt: skip
"""What a method is called whose operation's id says too little by itself."""
BINARY = {"audio/wav", "text/csv", "application/jsonl", "application/x-ndjson"}
PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
HEAD = '"""Made from the API\'s description (tests/unit/client/make.py): not to be changed by hand. {what}"""\n'


def method_of(operation: dict[str, Any]) -> str:
    return NAMES.get(operation["operationId"], operation["operationId"])


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation)."""
    for path, all_of_path in api().openapi()["paths"].items():
        for method, operation in all_of_path.items():
            yield method.upper(), path, operation


def shapes() -> dict[str, Any]:
    found: dict[str, Any] = api().openapi()["components"]["schemas"]
    return found


def kind(schema: dict[str, Any], prefix: str = "") -> str:
    if "$ref" in schema:
        return prefix + class_of(schema["$ref"].rpartition("/")[2])
    for many in ("anyOf", "oneOf"):
        if many in schema:
            kinds = list(dict.fromkeys(kind(one, prefix) for one in schema[many]))
            return " | ".join(sorted(kinds, key=lambda one: one == "None"))
    if "allOf" in schema:
        return kind(schema["allOf"][0], prefix)
    if "const" in schema or "enum" in schema:
        return "str"
    match schema.get("type"):
        case "array":
            return f"list[{kind(schema.get('items', {}), prefix)}]"
        case "object":
            more = schema.get("additionalProperties")
            return f"dict[str, {kind(more, prefix) if isinstance(more, dict) else 'Any'}]"
        case str(plain):
            return PLAIN[plain]
        case list(plains):
            return " | ".join(PLAIN[one] for one in plains)
    return "Any"


def class_of(shape: str) -> str:
    short = shape.removesuffix("View")
    return shape if short in shapes() else short


def answered() -> list[str]:
    """The shapes that answers are made of."""
    wanted = [view for _, _, op in operations() if (view := _view(op))] + ["EventView", "NoticeEventView"]
    found: list[str] = []
    while wanted:
        shape = wanted.pop(0)
        if shape not in found:
            found.append(shape)
            wanted += re.findall(r"#/components/schemas/(\w+)", str(shapes()[shape]))
    return [name for name in shapes() if name in found]


def answers() -> str:
    lines = [HEAD.format(what="What it answers with."), "from __future__ import annotations", "",
             "from typing import Any", "", "import msgspec", ""]  # fmt: skip
    for shape in answered():
        schema = shapes()[shape]
        renamed = {f"{one}_": one for one in schema.get("properties", {}) if keyword.iskeyword(one)}
        more = f", rename={renamed!r}" if renamed else ""
        lines += ["", f"class {class_of(shape)}(msgspec.Struct, frozen=True, kw_only=True{more}):"]
        if said := schema.get("description", "").strip():
            lines += [f'    """{said}"""', ""]
        for name, one in schema.get("properties", {}).items():
            field, what = f"{name}_" if keyword.iskeyword(name) else name, kind(one)
            if name in schema.get("required", ()):
                lines.append(f"    {field}: {what}")
            else:
                lines.append(f"    {field}: {what.removesuffix(' | None')} | None = None")
        if not schema.get("properties"):
            lines.append("    pass")
    return "\n".join(lines) + "\n"


def _view(operation: dict[str, Any]) -> str:
    for status, answer in operation["responses"].items():
        if int(status) < 300:
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            return str(schema.get("$ref", "")).rpartition("/")[2]
    return ""


def _page(operation: dict[str, Any]) -> tuple[str, str] | None:
    """(field, its items' class) of a list that comes in pages."""
    asks = any(one["name"] == "cursor" for one in operation.get("parameters", ()))
    schema = shapes().get(_view(operation), {}).get("properties", {})
    lists = [(name, one["items"]) for name, one in schema.items() if one.get("type") == "array" and "cursor" in schema]
    return (lists[0][0], kind(lists[0][1], "answers.")) if asks and len(lists) == 1 else None


def _one(method: str, path: str, operation: dict[str, Any]) -> list[str]:
    name, view = method_of(operation), _view(operation)
    parameters = operation.get("parameters", ())
    places = [_named(one["name"]) for one in parameters if one["in"] == "path"]
    query = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    has_key = any(one["name"] == "Idempotency-Key" for one in parameters)
    content = operation.get("requestBody", {}).get("content", {})
    media = [one for one in content if one != "application/json"]
    body = content.get("application/json", {}).get("schema", {})
    model = shapes()[(body.get("oneOf") or [body])[0]["$ref"].rpartition("/")[2]] if body else {}
    fields, needed = model.get("properties", {}), model.get("required", ())
    named = {one: _named(one, places) for one in fields}
    argued = [f"{one}: str" for one in places] + (["file: bytes"] if media else [])
    argued += [f"{named[one]}: {_asked(fields[one])}" for one in fields if one in needed]
    argued += ["media: str"] if len(media) > 1 else []
    free = [f"{named[one]}: {_optional(fields[one])} = None" for one in fields if one not in needed]
    free += [f"{_named(one, places)}: {_optional(schema)} = None" for one, schema in query.items()]
    free += ["idempotency_key: str | None = None"] if has_key else []
    given = ", ".join([*argued, *(["*"] if free else []), *free])
    binary = any(set(one.get("content", {})) & BINARY for one in operation["responses"].values())
    answer = f"answers.{class_of(view)}" if view else "bytes" if binary else "None"
    parts = ", ".join(
        _named(part.strip("{}")) if part.startswith("{") else f'"{part}"' for part in path.strip("/").split("/")
    )
    words = [f'"{method}"', f"({parts},)" if "," not in parts else f"({parts})", "None" if answer == "None" else answer]
    if query:
        words.append("query={" + ", ".join(f'"{one}": {_named(one, places)}' for one in query) + "}")
    if fields:
        odd = [f'**{{"{one}": {named[one]}}}' for one in fields if keyword.iskeyword(one)]
        plain = [f"{one}={named[one]}" for one in fields if not keyword.iskeyword(one)]
        words.append(f"body=given({', '.join([*plain, *odd])})")
    if has_key:
        words.append("key=idempotency_key or new_key()")
    if media:
        words.append("file=file, media=" + ("media" if len(media) > 1 else f'"{media[0]}"'))
    if page := _page(operation):
        words.append(f'items="{page[0]}"')
    about = operation["summary"]
    return ["", f"def {name}({given}) -> Request[{answer}]:", f'    """{about}."""',
            f"    return Request({', '.join(words)})", ""]  # fmt: skip


def _asked(schema: dict[str, Any]) -> str:
    """An object within a body is given as a dict."""
    return re.sub(r"\bbody\.\w+", "dict[str, Any]", kind(schema, "body."))


def _optional(schema: dict[str, Any]) -> str:
    return f"{_asked(schema).removesuffix(' | None')} | None"


def _named(field: str, taken: list[str] | None = None) -> str:
    """As an argument: no keyword of Python, and no name that the path has."""
    return f"{field}_" if keyword.iskeyword(field) or field in (taken or ()) else field


def requests() -> str:
    lines = [HEAD.format(what="What may be asked."), "from __future__ import annotations", "",
             "from typing import Any", "", "from ari_app.client import answers",
             "from ari_app.client.asking import Request, given, new_key", ""]  # fmt: skip
    for one in operations():
        lines += _one(*one)
    return "\n".join(lines) + "\n"


def methods() -> str:
    lines = [HEAD.format(what="What both clients can do."), "from __future__ import annotations", "",
             "from ari_app.client import answers, operations", "from ari_app.client.operation import Every, Operation",
             "", "", "class Operations:",
             '    """A method for each operation; `every_…` gives all items of a list."""', ""]  # fmt: skip
    for _, _, operation in operations():
        name = method_of(operation)
        lines.append(f"    {name} = Operation(operations.{name})")
        if page := _page(operation):
            every = name.removeprefix("list_")
            lines.append(f"    every_{EVERY.get(every, every)} = Every(operations.{name}, {page[1]})")
    return "\n".join(lines) + "\n"


EVERY = {"calls": "call", "notices": "notice", "statement": "line", "members": "member", "show_notice": "recipient",
         "deliveries": "delivery"}  # fmt: skip


def made() -> dict[str, str]:
    """File → what it should hold, as our formatter has it."""
    texts = {"answers.py": answers(), "operations.py": requests(), "methods.py": methods()}
    return {name: _formatted(text) for name, text in texts.items()}


def _formatted(text: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    for words in (["check", "--fix-only", "--quiet", "--select", "F401,I"], ["format", "--quiet"]):
        done = subprocess.run([ruff, *words, "--stdin-filename", str(CLIENT / "made.py"), "-"], input=text, text=True,
                              capture_output=True, check=True)  # fmt: skip
        text = done.stdout
    return text


def main() -> None:
    for name, text in made().items():
        (CLIENT / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
