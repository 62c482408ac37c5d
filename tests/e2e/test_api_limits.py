# SPDX-License-Identifier: ISC
"""The limits that the API's description states are those of the gateway: what lies just within is taken, what lies just beyond is not.

The cases are made from the schemas. A text's name there says how one of a given length is made.
"""
import contextlib
import json

import tap
from common import gateway_of, integrate, pdns, speak_httpreq
from dns_answers import NameServer
from openapi import check_answers, errors, operations, request_schema, resolve

ZONE = "limits.example"
P = pdns(ZONE)
check_answers()

# An OAuth client at DigitalOcean, so that all of begin_integration is looked at. Nobody is asked there.
SECTION = """
self_hosted { plain_http = {"127.0.0.1"} }
provider "digitalocean" { client_id = "client-1" client_secret_file = "{d}/secret" }
"""


@contextlib.contextmanager
def gateway():
    with NameServer("127.0.0.1", 0) as dns, gateway_of(SECTION, secret="made-up-secret") as g:
        g.httpreq = speak_httpreq(g, P, dns=dns)
        yield g


def ask(g, path, body):
    """(status, answer); BODY may be a text."""
    headers = g.httpreq if path in HTTPREQ else {"Content-Type": "application/json"}
    return g.request("POST", path, body if isinstance(body, str) else json.dumps(body), headers)


def long_name(length):
    labels = ["x" * 63] * 3 + ["y" * (length - 3 * 64 - 1)] if length > 192 else ["x" * length]
    return ".".join(labels) + "."


# What a schema with a pattern or a format stands for: how to make one of some length, and what is none at all.
TEXTS = {
    "Name": (long_name, ["", ".", "a..b", "*.a", "a b", "b\u00fccher.example", "x" * 64 + ".example", ".a", "a\\.b", "a.."]),
    "ProviderName": ("p".__mul__, ["", "Power DNS"]),
    "Customer": ("c".__mul__, [""]),
    "value": ("v".__mul__, [""]),
    "ChallengeValue": ("v".__mul__, [""]),
    "Domain": (long_name, ["", ".", "a..b", "*.a", "a b", "x" * 64 + ".example"]),
    "token": ("t".__mul__, []),
    "keyAuth": ("k".__mul__, []),
    "expires_at": (lambda n: "2099-01-01T00:00:00." + "0" * (n - 21) + "Z",
                   ["", "2099-01-01", "2099-01-01 00:00:00Z", "2099-01-01T00:00:00", "2099-01-01T00:00Z", "2099-1-1T00:00:00Z",
                    "2099-01-01T00:00:00.Z", "2099-01-01t00:00:00z", "2099-01-01T00:00:00+1", "4071686400"]),
    "redirect_uri": (lambda n: "https://app.example/" + "x" * (n - 20),
                     ["", "http://app.example/", "https://a.example/#x", "https://a.example/ x", "app.example", "javascript:x",
                      "http://127.0.0.1.example/", "https://a.example/\u00e9"]),
    "RecordType": (None, ["", "txt", "A", "MX", "TYPE16", "TXT "]),
    "RecordMode": (None, ["", "Replace", "merge"]),
    "Policy": (None, ["", "Strict", "none"]),
    "IntegrationHandle": (lambda n: "pti1_" + "A" * (n - 5), ["", "pti1_", "pti2_AAAA", "ptr1_AAAA", "pti1_A+/="]),
    "RecordHandle": (lambda n: "ptr1_" + "A" * (n - 5), ["", "ptr1_", "pti1_AAAA", "ptr1_A.A"]),
    "SetupHandle": (lambda n: "pts1_" + "A" * (n - 5), ["", "pts1_", "pti1_AAAA"]),
    "handle": (lambda n: "pti1_" + "A" * (n - 5), ["", "AAAA", "pts1_AAAA", "pti1_A A"]),
}
WRONG_TYPES = {"string": [1, None, True, ["x"], {"x": "y"}], "array": ["x", {}, None, [1], [["x"]]], "object": ["x", [], None],
               "boolean": ["true", 0, None], "integer": ["60", 60.5, True, None]}


HTTPREQ = {"/present", "/cleanup"}


def good(g, path, schema):
    """A request that is right in all parts; of httpreq, of the mode that the schema is of."""
    if path in HTTPREQ:
        values = {"fqdn": "_acme-challenge." + ZONE, "value": "v", "domain": ZONE, "token": "t", "keyAuth": "k"}
        return {field: values.get(field, values.get(field.lower())) for field in resolve(schema)["required"]}
    handle = integrate(g, P)
    powerdns = {"url": P.api_url, "api_key": P.api_key}
    record = {"fqdn": "_acme-challenge." + ZONE, "type": "TXT", "value": "v"}
    record_handle = g.post("/add_record", {"integration_handle": handle, "record": record})[1]["record_handle"]
    return {
        "/make_integration": {"provider": "powerdns", "credentials": powerdns},
        "/begin_integration": {"provider": "digitalocean", "redirect_uri": "https://app.example/"},
        "/get_zones": {"integration_handle": handle},
        "/add_record": {"integration_handle": handle, "record": record},
        "/remove_record": {"integration_handle": handle, "record_handle": record_handle},
        "/check_record": {"integration_handle": handle, "record_handle": record_handle},
        "/inspect_handle": {"handle": handle},
        "/rewrap_handle": {"handle": handle},
    }[path]


def leaves(schema, name=None, way=()):
    """(where, what it is called, its schema, is it required) of each value of a request, objects too."""
    schema = resolve(schema)
    for field, part in schema["properties"].items():
        called = part["$ref"].rpartition("/")[2] if "$ref" in part else field
        at, part = way + (field,), resolve(part)
        yield at, called, part, field in schema["required"]
        if part.get("type") == "object" and "properties" in part:
            yield from leaves(part, called, at)


def put(request, way, value):
    """A copy with that VALUE there; without any, where it is Ellipsis."""
    copy = json.loads(json.dumps(request))
    at = copy
    for field in way[:-1]:
        at = at[field]
    if value is ...:
        at.pop(way[-1], None)
    else:
        at[way[-1]] = value
    return copy


def within(part, called):
    """Values at the edge that are good."""
    if "enum" in part:
        return part["enum"]
    if part.get("type") == "array":
        item = resolve(part["items"])
        return [["z%d.example" % i for i in range(n)] for n in (part["minItems"], part["maxItems"])] + \
            [[TEXTS["Name"][0](item["maxLength"])]]
    if part.get("type") == "integer":
        return [part["minimum"], part["maximum"]]
    if part.get("type") == "boolean":
        return [True, False]
    if part.get("type") == "object":
        return []
    make = TEXTS[called][0]
    longest = part.get("maxLength") or 32  # a provider's name: its pattern says so
    return [make(longest)] + ([make(part["minLength"])] if "minLength" in part else [])


def beyond(part, called):
    """Values that are not; each breaks the schema."""
    values = list(WRONG_TYPES.get(part.get("type", "string"), []))
    if part.get("type") == "array":
        values += [[], ["z%d.example" % i for i in range(part["maxItems"] + 1)],
                   [TEXTS["Name"][0](resolve(part["items"])["maxLength"] + 1)]]
        values += [[bad] for bad in TEXTS["Name"][1]]
    elif part.get("type") == "integer":
        values += [part["minimum"] - 1, part["maximum"] + 1, -1, 2**63 - 1]
    elif part.get("type", "string") == "string":
        make, bad = TEXTS[called]
        values += bad
        values += [make((part.get("maxLength") or 32) + 1)] if make else []
    return values


def is_about(answer, way):
    """The refusal names that field, or one that it lies in or that lies in it; a policy speaks of the whole record."""
    field = answer.get("field", "")
    return field == ".".join(way) or field == way[0]


# Handles that do not open are all the same to a caller, the longest that there may be too.
UNREADABLE = {"IntegrationHandle", "RecordHandle", "SetupHandle", "handle"}


def accepted(status, answer, way, called):
    """Not refused for that field; for another reason perhaps."""
    if status == 200 or not is_about(answer, way):
        return True
    if called in UNREADABLE:
        return answer["code"] == "handle_invalid"
    if called == "ProviderName":
        return answer["detail"] == "no such provider"
    return answer["code"] in ("zone_not_found", "policy_denied")  # looked for, or judged: so it was read


def operations_with_body():
    """(path, schema); several of a path, where it takes one of several."""
    return [(path, schema) for method, path, op in operations() if method == "POST"
            for schema in request_schema(op).get("oneOf", [request_schema(op)])]


def test_edges():
    count = 0
    with gateway() as g:
        for path, schema in operations_with_body():
            base = good(g, path, schema)
            assert not errors(schema, base), path
            for way, called, part, _ in leaves(schema):
                for value in within(part, called):
                    request = put(base, way, value)
                    assert not errors(schema, request), (path, way, value)
                    status, answer = ask(g, path, request)
                    assert accepted(status, answer, way, called), (path, way, value, status, answer)
                    count += 1
    tap.comment("%d values at an edge" % count)


def test_beyond():
    count = 0
    with gateway() as g:
        for path, schema in operations_with_body():
            base = good(g, path, schema)
            for way, called, part, required in leaves(schema):
                for value in beyond(part, called) + ([...] if required else []):
                    request = put(base, way, value)
                    assert errors(schema, request), ("the description allows it", path, way, value)
                    status, answer = ask(g, path, request)
                    assert status != 200, ("taken", path, way, value)
                    ok = (400, "invalid_request") == (status, answer["code"])
                    ok = ok or called in UNREADABLE and answer["code"] == "handle_invalid"
                    ok = ok or called == "RecordType" and answer["code"] == "policy_denied"
                    assert ok and is_about(answer, way), (path, way, value, status, answer)
                    count += 1
    tap.comment("%d values beyond" % count)


def test_no_other_fields():
    with gateway() as g:
        for path, schema in operations_with_body():
            base = good(g, path, schema)
            objects = [()] + [way for way, _, part, _ in leaves(schema) if part.get("type") == "object"]
            for way in objects:
                for field in ("x_other", "Customer", "description"):
                    request = put(base, way + (field,), "x")
                    status, answer = ask(g, path, request)
                    assert (status, answer["code"], answer["detail"]) == (400, "invalid_request", "no such field"), answer
                    assert answer["field"] == ".".join(way + (field,)), answer
            for body in ("[]", "null", "1", '"x"', "", "{", "{} {}", '{"a":1,"a":1}'):
                status, answer = ask(g, path, body)
                assert (status, answer["code"]) == (400, "invalid_request"), (path, body, answer)


def test_request_id():
    """As its schema says, at both edges and beyond."""
    schema = {"$ref": "#/components/schemas/RequestId"}
    with gateway() as g:
        for value in ("a", "A" * 64, "0", ".", "-", "_", "a.b-c_D9"):
            assert not errors(schema, value)
            assert g.request("GET", "/healthz", headers={"X-Request-Id": value})[0] == 200
            status, answer = g.request("GET", "/nowhere", headers={"X-Request-Id": value})
            assert (status, answer["request_id"]) == (404, value), answer
        for value in ("A" * 65, "a b", "a/b", "a,b", '"a"', "a@b", "a:b", "{}"):
            assert errors(schema, value)
            status, answer = g.request("GET", "/healthz", headers={"X-Request-Id": value})
            assert (status, answer["code"], answer["field"]) == (400, "invalid_request", "X-Request-Id"), answer
            assert answer["request_id"] != value


def test_body():
    """64 KiB, and one byte more."""
    with gateway() as g:
        body = json.dumps({"provider": "x", "credentials": {}})
        for size, wanted in ((64 * 1024, 400), (64 * 1024 + 1, 413)):
            status, answer = g.request("POST", "/make_integration", body.ljust(size), {"Content-Type": "application/json"})
            assert (status, answer["code"]) == (wanted, "invalid_request"), answer
            assert wanted == 413 or answer["field"] == "provider", answer


def test_every_schema_was_met():
    """What the requests' schemas are made of is what these tests make values of."""
    met = {called for _, schema in operations_with_body() for _, called, part, _ in leaves(schema)
           if part.get("type", "string") == "string"}
    assert met == set(TEXTS), met ^ set(TEXTS)


if __name__ == "__main__":
    tap.main(globals())
