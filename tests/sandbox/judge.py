"""A judge that nobody here wrote: every request and answer against the OpenAPI files of Xero and of Monstock.

    judge = Judge.xero()
    client = httpx.Client(event_hooks=judge.hooks())    # or AsyncClient(event_hooks=judge.async_hooks())
    ...
    judge.verdict()                                     # raises with all complaints, if there are any

Requests are judged strictly: the operation, the names and values of its query, its body, and no field that
the schema does not name. Answers leniently, since some of Xero's own examples break their schemas: nulls and
formats are let pass, and of long lists only the first few elements are read.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import yaml
from openapi_schema_validator import (
    OAS30Validator,
    OAS31Validator,
    oas30_format_checker,
    oas31_format_checker,
)
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4, DRAFT202012

HERE = Path(__file__).parent
MONSTOCK = HERE.parents[1] / "deployments" / "sandbox" / "monstock" / "openapi.yaml"
SAMPLE = 3
_METHODS = ("get", "put", "post", "delete")


class Spec:
    """One OpenAPI file, served below `base`."""

    def __init__(self, path: Path, base: str, *, any_case: bool = False) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.document: dict[str, Any] = yaml.load(path.read_text(), loader)
        self.base = base
        new = self.document["openapi"].startswith("3.1")
        self._validator = OAS31Validator if new else OAS30Validator
        self._formats = oas31_format_checker if new else oas30_format_checker
        resource = Resource(self.document, DRAFT202012 if new else DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource("urn:spec", resource)
        flags = re.IGNORECASE if any_case else 0
        self._paths = [
            (re.compile("".join(_pattern(part) for part in re.split(r"(\{[^}]+\})", template)), flags), item)
            for template, item in sorted(
                self.document.get("paths", {}).items(), key=lambda pair: pair[0].count("{")
            )
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation of a call, its path's own parameters joined in; None if there is none."""
        for pattern, item in self._paths:
            if pattern.fullmatch(path.removeprefix(self.base)) and method.lower() in item:
                operation = item[method.lower()]
                both = [*item.get("parameters", []), *operation.get("parameters", [])]
                return {**operation, "parameters": [self.resolved(parameter) for parameter in both]}
        return None

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """`node`, or what it refers to."""
        while "$ref" in node:
            found: Any = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/")]
            node = {**found, **{name: value for name, value in node.items() if name != "$ref"}}
        return node

    def errors(self, schema: dict[str, Any], value: Any, *, formats: bool = True) -> Iterator[str]:
        """What the schema says against a value."""
        absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:spec#/'))
        validator = self._validator(
            absolute, registry=self._registry, format_checker=self._formats if formats else None
        )
        for error in validator.iter_errors(value):
            yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"

    def strangers(self, schema: dict[str, Any], value: Any, at: str = "") -> Iterator[str]:
        """Fields that the schema does not name."""
        schema = self.resolved(schema)
        if isinstance(value, list) and "items" in schema:
            for place, item in enumerate(value):
                yield from self.strangers(schema["items"], item, f"{at}/{place}")
        if isinstance(value, dict) and "properties" in schema:
            for name, item in value.items():
                if name not in schema["properties"]:
                    yield f"{at}/{name}: no such field"
                else:
                    yield from self.strangers(schema["properties"][name], item, f"{at}/{name}")


def _pattern(part: str) -> str:
    return "[^/]+" if part.startswith("{") else re.escape(part)


@cache
def _spec(name: str) -> Spec:
    if name == "monstock":
        return Spec(MONSTOCK, "/v1")
    if name == "webhooks":
        return Spec(HERE / "openapi" / "xero-webhooks.yaml", "")
    if name == "identity":
        return Spec(HERE / "openapi" / "xero-identity.yaml", "", any_case=True)
    return Spec(HERE / "openapi" / "xero_accounting.yaml", "/api.xro/2.0")


def told(name: str, webhook: str, body: Any) -> list[str]:
    """What the OpenAPI file "webhooks" (Xero's) or "monstock" has against a body of one of its webhooks."""
    spec = _spec(name)
    content = spec.document["webhooks"][webhook]["post"]["requestBody"]["content"]
    # As in answers, Xero's dates break its own format.
    return list(spec.errors(content["application/json"]["schema"], body, formats=name == "monstock"))


class Judge:
    """Watches a client's traffic; what it has against it stands in `complaints`."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self.complaints: list[str] = []
        self.judged = 0

    @classmethod
    def xero(cls) -> "Judge":
        """Over Xero's accounting API and connections."""
        return cls("accounting", "identity")

    @classmethod
    def monstock(cls) -> "Judge":
        """Over Monstock's assumed contract."""
        return cls("monstock")

    def hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """For httpx.Client(event_hooks=...)."""
        return {"response": [self.watch]}

    def async_hooks(self) -> dict[str, list[Callable[..., Awaitable[None]]]]:
        """For httpx.AsyncClient(event_hooks=...)."""
        return {"response": [self.awatch]}

    def watch(self, response: httpx.Response) -> None:
        """Judge an answer and its request."""
        response.read()
        self.judge(response)

    async def awatch(self, response: httpx.Response) -> None:
        """The same for an AsyncClient."""
        await response.aread()
        self.judge(response)

    def verdict(self) -> None:
        """Raise, if there are complaints."""
        assert not self.complaints, "\n".join(self.complaints)

    def judge(self, response: httpx.Response) -> None:
        """Judge an answer that is read, and its request."""
        request = response.request
        path = request.url.path
        if path.startswith(("/connect/", "/identity/", "/sandbox")):
            return
        self.judged += 1
        for name in self._names:
            spec = _spec(name)
            operation = spec.operation(request.method, path)
            if operation is not None:
                found = [*_request(spec, operation, request), *_answer(spec, operation, response)]
                self.complaints += [f"{request.method} {path} {complaint}" for complaint in found]
                return
        self.complaints.append(f"{request.method} {path}: no such operation")


def _request(spec: Spec, operation: dict[str, Any], request: httpx.Request) -> Iterator[str]:
    parameters = {(one["in"], one["name"]): one for one in operation["parameters"]}
    for name, text in parse_qsl(request.url.query.decode(), keep_blank_values=True):
        parameter = parameters.get(("query", name))
        if parameter is None:
            yield f"query {name}: no such parameter"
        else:
            yield from (f"query {name}{error}" for error in _text(spec, parameter["schema"], text))
    key = request.headers.get("idempotency-key")
    if key is not None and ("header", "Idempotency-Key") not in parameters:
        yield "header Idempotency-Key: this operation takes none"
    content = spec.resolved(operation.get("requestBody", {})).get("content", {})
    body = request.read()
    if body and "application/json" not in content:
        yield "body: this operation takes none"
    elif content:
        schema = content["application/json"]["schema"]
        value = json.loads(body)
        yield from (f"request {error}" for error in spec.errors(schema, value))
        yield from (f"request {error}" for error in spec.strangers(schema, value))


def _text(spec: Spec, schema: dict[str, Any], text: str) -> Iterator[str]:
    schema = spec.resolved(schema)
    value: Any = text
    if schema.get("type") == "array":
        value = text.split(",")
    elif schema.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        value = int(text)
    elif schema.get("type") == "boolean" and text.lower() in ("true", "false"):
        value = text.lower() == "true"
    return spec.errors(schema, value)


def _answer(spec: Spec, operation: dict[str, Any], response: httpx.Response) -> Iterator[str]:
    kind = response.headers.get("content-type", "").split(";")[0]
    if not kind.endswith("json") or response.status_code in (401, 403):
        return
    answers = operation["responses"]
    described = answers.get(str(response.status_code)) or answers.get("default") or answers.get("400")
    content = spec.resolved(described or {}).get("content", {})
    if not content:
        return
    if kind not in content:
        yield f"answer {response.status_code}: {kind} is not described"
        return
    value = _shortened(json.loads(response.content))
    formats = spec.base == "/v1"  # Xero's own dates break its formats
    yield from (f"answer {error}" for error in spec.errors(content[kind]["schema"], value, formats=formats))


def _shortened(value: Any) -> Any:
    """Without nulls, and with the first few elements of lists."""
    if isinstance(value, list):
        return [_shortened(item) for item in value[:SAMPLE]]
    if isinstance(value, dict):
        nullable = ("nextCursor",)
        return {k: _shortened(item) for k, item in value.items() if item is not None or k in nullable}
    return value
