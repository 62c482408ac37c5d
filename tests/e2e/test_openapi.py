# SPDX-License-Identifier: ISC
"""The gateway describes itself: validly, wholly, and with the limits that it has."""
import functools
import json
import re

import tap
from common import gateway, gateway_of, pdns, speak_httpreq
from openapi import (COMPONENTS, DOCUMENT, JSON, PROBLEMS, ROOT, answer_examples, check, check_problem, errors, jsonschema, operations,
                     request_examples, request_schema, resolve, status_of)
from servers import exchange

Draft202012Validator = jsonschema.Draft202012Validator


def read(path):
    with open(ROOT + "/" + path, encoding="utf-8") as f:
        return f.read()


API = read("src/role/front_api.c")
HTTPREQ = read("src/role/front_httpreq.c")


# ---- valid ----

def test_served():
    """To anybody, and it is the file, with the program's version."""
    with gateway() as g:
        status, body, headers = exchange(g.url, "GET", "/openapi.json")
        assert (status, headers["Content-Type"]) == (200, JSON), (status, dict(headers))
        served = json.loads(body)
        version = served["info"].pop("version")
        assert version in g.cli("--version").stdout.split(), version
        assert body.isascii() and served == dict(DOCUMENT, info={k: v for k, v in DOCUMENT["info"].items() if k != "version"})


def test_valid_by_openapi():
    schema = json.loads(read("tests/vectors/openapi/schema-3.1.json"))
    validator = Draft202012Validator(schema)
    assert not list(validator.iter_errors(DOCUMENT))
    for broken in ({**DOCUMENT, "openapi": "3.0.0"}, {**DOCUMENT, "pahts": {}}, {**DOCUMENT, "info": {"title": "x"}},
                   {**DOCUMENT, "security": [{"bearer": "x"}]}):
        assert list(validator.iter_errors(broken)), "the validator takes anything"


def schemas(o, inside=False):
    """All Schema Objects below O."""
    if isinstance(o, dict):
        if inside:
            yield o
        for key, value in o.items():
            if key == "schema":
                yield from schemas(value, True)
            elif inside and key in ("properties", "schemas"):
                for v in value.values():
                    yield from schemas(v, True)
            elif inside and key in ("items", "additionalProperties"):
                yield from schemas(value, True)
            elif inside and key in ("allOf", "oneOf"):
                for v in value:
                    yield from schemas(v, True)
            elif not inside and key not in ("value", "example"):
                yield from schemas(value)
    elif isinstance(o, list) and not inside:
        for v in o:
            yield from schemas(v)


def all_schemas():
    found = list(schemas(DOCUMENT))
    for schema in COMPONENTS["schemas"].values():
        found += schemas(schema, True)
    return found


def refs(o):
    if isinstance(o, dict):
        if isinstance(o.get("$ref"), str):
            yield o["$ref"]
        for v in o.values():
            yield from refs(v)
    elif isinstance(o, list):
        for v in o:
            yield from refs(v)


def test_schemas():
    """Each by JSON Schema's own, strict where it is an object, and with no keyword that nobody knows."""
    known = set()
    for name in ("core", "applicator", "validation", "meta-data", "format-annotation"):
        known |= VOCABULARY[name]
    for schema in all_schemas():
        Draft202012Validator.check_schema(schema)
        assert set(schema) <= known, set(schema) - known
        if schema.get("type") == "object" and schema is not COMPONENTS["schemas"]["Description"]:
            closed = "additionalProperties" in schema or not set(schema) - {"type"}
            assert closed, schema
        for value in [schema["default"]] if "default" in schema else []:
            assert not errors(schema, value), schema


VOCABULARY = {
    "core": {"$ref"},
    "applicator": {"allOf", "oneOf", "properties", "additionalProperties", "items"},
    "validation": {"type", "enum", "const", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems",
                   "minItems", "uniqueItems", "maxProperties", "required"},
    "meta-data": {"description", "default"},
    "format-annotation": {"format"},
}


def test_references():
    """All lead somewhere, and nothing is there that nobody refers to; but for answers that belong to no operation."""
    used = set(refs(DOCUMENT))
    there = {"#/components/%s/%s" % (kind, name) for kind, part in COMPONENTS.items() for name in part
             if kind != "securitySchemes"}
    assert used <= there, used - there
    loose = {"#/components/responses/" + n for n in ("NotFound", "MethodNotAllowed", "UriTooLong")}
    assert there - used == loose, (there - used) ^ loose
    names = {n for o in [DOCUMENT, *(op for _, _, op in operations())] for s in o.get("security", []) for n in s}
    assert names == set(COMPONENTS["securitySchemes"])
    ids = [op["operationId"] for _, _, op in operations()]
    assert len(set(ids)) == len(ids)
    tags = {t["name"] for t in DOCUMENT["tags"]}
    assert {t for _, _, op in operations() for t in op["tags"]} == tags


def test_examples_are_valid():
    """And each answer's belongs to a request of the same name, where it is no component's."""
    for method, path, op in operations():
        asked = request_examples(op) if method == "POST" else {"get": None}
        for name, value in asked.items():
            found = errors(request_schema(op), value) if method == "POST" else []
            assert bool(found) == (name == "no_such_field"), (path, name, found)
        answered = {}
        for status, response in op["responses"].items():
            examples = answer_examples(response)
            assert examples, (path, status)
            for name, value in examples.items():
                media = next(m for m, c in resolve(response)["content"].items() if name in c["examples"])
                assert not errors(resolve(response)["content"][media]["schema"], value), (path, status, name)
                answered.setdefault(name, []).append(status)
        missing = set(asked) - set(answered)
        assert not missing, (path, missing)
    for response in COMPONENTS["responses"].values():
        for value in answer_examples(response).values():
            headers = {"X-Request-Id": value["request_id"], "WWW-Authenticate": "Bearer", "Allow": "POST"}
            headers.update({"Retry-After": str(value["retry_after"])} if "retry_after" in value else {})
            check_problem(status_of(response), headers, value)


# ---- nothing is missing ----

def endpoints():
    """(method, path) -> (verb, name of its table of fields), as the front has them."""
    rows = re.findall(r'\{"(/[\w./]+)",\s*HTTP_(\w+),\s*VERB_(\w+),\s*(\w+),', API)
    assert rows
    return {(method, path): (verb, table) for path, method, verb, table in rows}


def tables():
    """Name -> {field: (kind, required, max, items)}, as the front has them; limits as they are written."""
    found = {}
    for name, text in re.findall(r"static const struct field_rule (\w+)\[\] = \{(.*?)\n\};", API + HTTPREQ, re.S):
        found[name] = {field: (kind, ".required = true" in rest, *(
            (re.search(r"\.%s = ([^,}]+)" % key, rest) or [None, None])[1] for key in ("max", "items")))
            for field, kind, rest in re.findall(r'\{"(\w+)", FIELD_(\w+)([^}]*)\}', text)}
    return found


def test_endpoints():
    said = {(method, path) for method, path, _ in operations()}
    assert set(endpoints()) == said, set(endpoints()) ^ said
    verbs = re.findall(r'X\(\w+, "(\w+)"\)', re.search(r"#define VERB_LIST\(X\)(.*?)\n\n", read("src/ipc/edges.h"), re.S)[1])
    assert {"/" + v for v in verbs} == {path for _, path, op in operations() if op.get("security") != [] and op["tags"] != ["httpreq"]}
    with gateway_of('self_hosted { plain_http = {"127.0.0.1"} }') as g:
        speak_httpreq(g, pdns())
        g.on_answer = check
        for method, path in said:
            other = {"GET": "POST", "POST": "GET"}[method]
            assert g.request(other, path, headers={"Content-Length": "0"} if other == "POST" else None)[0] == 405, path
            for beside in (path + "/", path[:-1], path.upper(), "/v1" + path):
                assert g.get(beside)[0] == 404, beside
        g.now.token = "ptk1_nobody"
        for method, path, op in operations():
            status = g.request(method, path, "{}" if method == "POST" else None, {"Content-Type": JSON})[0]
            open_to_all = not op.get("security", DOCUMENT["security"]) or {} in op.get("security", [])
            assert (status == 401) == (not open_to_all), (path, status)


HTTPREQ_TABLES = ["default_rules", "capital_rules", "raw_rules"]  # in the order of the alternatives
KINDS = {"TEXT": "string", "BOOL": "boolean", "NUMBER": "integer", "OBJECT": "object", "TEXTS": "array"}


def compare_fields(where, table, schema):
    schema = resolve(schema)
    properties = {name: resolve(p) for name, p in schema["properties"].items()}
    assert set(properties) == set(table), (where, set(properties) ^ set(table))
    assert {n for n, row in table.items() if row[1]} == set(schema["required"]), where
    for name, (kind, _, _, _) in table.items():
        said = properties[name].get("type", "string" if "enum" in properties[name] else None)
        assert said == KINDS[kind], (where, name, said, kind)


def test_fields():
    have = tables()
    for (method, path), (_, table) in endpoints().items():
        op = DOCUMENT["paths"][path][method.lower()]
        if op["tags"] == ["httpreq"]:
            for part, table in zip(request_schema(op)["oneOf"], HTTPREQ_TABLES, strict=True):
                compare_fields(path, have[table], part)
        elif method == "POST":
            compare_fields(path, have[table], request_schema(op))
        else:
            assert "requestBody" not in op and table == "NULL", path
    compare_fields("record", have["record_rules"], COMPONENTS["schemas"]["NewRecord"])
    used = {table for _, table in endpoints().values()} | {"record_rules", *HTTPREQ_TABLES}
    assert used - {"NULL"} == set(have), used ^ set(have)


def test_problems():
    """Codes, titles and statuses: of the list that the program is made from."""
    rows = re.findall(r'X\(\w+,\s*"(\w+)",\s*(\d+),\s*"([^"]+)"\)', read("src/base/code.h"))
    assert [r for r in rows if r[0] != "ok"] == [(p["code"], str(p["status"]), p["title"]) for p in DOCUMENT["x-problems"]]
    assert COMPONENTS["schemas"]["Code"]["enum"] == list(PROBLEMS)
    said = {code for r in COMPONENTS["responses"].values() for code in
            r["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]}
    assert said == set(PROBLEMS)
    for r in COMPONENTS["responses"].values():
        codes = r["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        assert all(c == "invalid_request" or PROBLEMS[c]["status"] == status_of(r) for c in codes), codes
        assert {v["code"] for v in answer_examples(r).values()} == set(codes), "an example of each"
    reasons = set(re.findall(r"^\t\t\{(\d{3}), \"", read("src/http/reply.c"), re.M)) - {"500"}
    statuses = {s for _, _, op in operations() for s in op["responses"]}
    statuses |= {str(status_of(r)) for r in COMPONENTS["responses"].values()}
    assert statuses == reasons, statuses ^ reasons


def constants():
    """Those of our headers that are numbers, or products of numbers."""
    found = {}
    for path in ("seal/handle.h", "dns/name.h", "dns/record.h", "ipc/edges.h", "http/request.h", "provider/provider.h"):
        for name, value in re.findall(r"^#define (\w+)\s+([\d(][\d* ()u]*)(?:/\*.*)?$", read("src/" + path), re.M):
            factors = re.findall(r"\d+", value)
            found[name] = functools.reduce(lambda a, b: a * int(b), factors, 1)
    return found


def test_limits_that_no_answer_shows():
    """A handle that is too long is as invalid as one of the right length: here the numbers themselves are compared."""
    have = constants()
    schemas_ = COMPONENTS["schemas"]
    for name, limit in {"IntegrationHandle": "INTEGRATION_HANDLE_MAX", "FreshHandle": "INTEGRATION_HANDLE_MAX",
                        "RecordHandle": "RECORD_HANDLE_MAX", "SetupHandle": "SETUP_HANDLE_MAX"}.items():
        assert schemas_[name]["maxLength"] == have[limit], name
    assert resolve(schemas_["AnyHandle"]["properties"]["handle"])["maxLength"] == have["INTEGRATION_HANDLE_MAX"]
    assert schemas_["MakeIntegration"]["properties"]["credentials"]["maxProperties"] == have["CREDENTIAL_FIELDS_MAX"]
    assert have["CREDENTIALS_MAX"] == 16 * 1024 and have["HTTP_BODY_MAX"] == 64 * 1024
    assert have["HTTP_HEAD_MAX"] == 16 * 1024 and have["HTTP_FIELDS_MAX"] == 64 and have["HTTP_TARGET_MAX"] == 256
    assert schemas_["Problem"]["properties"]["detail"]["maxLength"] == have["IPC_DETAIL_MAX"]
    assert schemas_["Problem"]["properties"]["field"]["maxLength"] == have["IPC_FIELD_MAX"]
    assert schemas_["NotReady"]["properties"]["reason"]["maxLength"] == have["IPC_REASON_MAX"]
    assert schemas_["ZoneList"]["maxItems"] == have["PROVIDER_ZONES_MAX"]
    assert schemas_["CanonicalName"]["maxLength"] == have["DNS_NAME_MAX"]
    assert schemas_["Setup"]["properties"]["authorize_url"]["maxLength"] == have["IPC_URL_MAX"]
    assert schemas_["NewRecord"]["properties"]["ttl"]["default"] == have["PROVIDER_DEFAULT_TTL"]


if __name__ == "__main__":
    tap.main(globals())
