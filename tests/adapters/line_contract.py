"""LINE's official contract as a validator.

LINE's OpenAPI files state polymorphism as a discriminator on a parent whose children repeat it
by `allOf`. JSON Schema does not know discriminators and takes almost anything for valid. The
rewrite here makes the meaning explicit: a parent becomes "the child that the discriminator
names", children refer to the parent's own fields, and a field that nobody declares is an error.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "line"
_PREFIX = "#/components/schemas/"
_FIELDS = "Fields"


def api_contract() -> Callable[[str, str, Any], Sequence[str]]:
    """Return the validator of requests: (method, path, body) to what is wrong with them."""
    operations = _operations()

    def validate(method: str, path: str, body: object) -> Sequence[str]:
        for template, verb, validator in operations:
            if verb == method and template.fullmatch(path):
                return _errors(validator, body)
        return [f"{method} {path} is not in the contract"]

    return validate


def webhook_contract() -> Callable[[Any], Sequence[str]]:
    """Return the validator of webhook bodies."""
    validator = _validator(_rewritten("webhook.yml"), "CallbackRequest")
    return lambda body: _errors(validator, body)


@cache
def _operations() -> list[tuple[re.Pattern[str], str, jsonschema_rs.Validator]]:
    document = _document("messaging-api.yml")
    schemas = _rewritten("messaging-api.yml")
    found = []
    # Paths without a parameter first: /richmenu/list is no menu id.
    for path in sorted(document["paths"], key=lambda path: path.count("{")):
        for verb, operation in document["paths"][path].items():
            content = (
                operation.get("requestBody", {}).get("content", {}) if verb != "parameters" else {}
            )
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].removeprefix(_PREFIX)
                template = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
                found.append((template, verb.upper(), _validator(schemas, name)))
    return found


@cache
def _document(name: str) -> dict[str, Any]:
    file = SPECS / name
    if not file.exists():
        pytest.skip(f"LINE's official contract is not here: ../shared/specs/line/{name}")
    loaded: dict[str, Any] = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    return loaded


@cache
def _rewritten(name: str) -> dict[str, Any]:
    schemas = _document(name)["components"]["schemas"]
    parents = {key for key, schema in schemas.items() if "discriminator" in schema}
    rewritten: dict[str, Any] = {}
    for key, schema in schemas.items():
        if key in parents:
            rewritten[key + _FIELDS] = {k: v for k, v in schema.items() if k != "discriminator"}
            rewritten[key] = _chosen(schema["discriminator"])
        else:
            rewritten[key] = _closed(schema, parents)
    return rewritten


def _chosen(discriminator: dict[str, Any]) -> dict[str, Any]:
    """Return "exactly the child that the discriminator's value names"."""
    field, mapping = discriminator["propertyName"], discriminator["mapping"]
    rules: list[dict[str, Any]] = [
        {"if": {"properties": {field: {"const": value}}}, "then": {"$ref": child}}
        for value, child in mapping.items()
    ]
    named = {"required": [field], "properties": {field: {"enum": list(mapping)}}}
    return {"type": "object", **named, "allOf": rules}


def _closed(schema: dict[str, Any], parents: set[str]) -> dict[str, Any]:
    """Return a schema that refuses undeclared fields; a child extends its parent's own fields."""
    if schema.get("type") != "object" and "allOf" not in schema:
        return schema
    parts = [
        {"$ref": part["$ref"] + _FIELDS}
        if part.get("$ref", "").removeprefix(_PREFIX) in parents
        else part
        for part in schema.get("allOf", [])
    ]
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    return {**rest, "allOf": parts, "unevaluatedProperties": False}


def _validator(schemas: dict[str, Any], name: str) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": _PREFIX + name, "components": {"schemas": schemas}}, validate_formats=True
    )


def _errors(validator: jsonschema_rs.Validator, body: object) -> Sequence[str]:
    if validator.is_valid(body):  # by far the usual case, and much the faster question
        return []
    return [
        f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(body)
    ]
