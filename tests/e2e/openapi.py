# SPDX-License-Identifier: ISC
"""The API's description (data/openapi.json), and the gateway's answers held against it."""
import functools
import json
import sys

from servers import ROOT, Postern

try:
    import jsonschema
except ImportError:
    sys.path.append("/usr/lib/python3/dist-packages")  # Debian's package, where python3 is not Debian's own
    import jsonschema
from jsonschema import Draft202012Validator

with open(ROOT + "/data/openapi.json", encoding="utf-8") as f:
    DOCUMENT = json.load(f)
COMPONENTS = DOCUMENT["components"]
PROBLEMS = {p["code"]: p for p in DOCUMENT["x-problems"]}
JSON, PROBLEM = "application/json", "application/problem+json"
# What cannot be said of an operation: another path, another method, no path at all.
NOWHERE = {404, 405, 414}


def resolve(o):
    """O, or what it refers to."""
    while isinstance(o, dict) and "$ref" in o:
        where = DOCUMENT
        for part in o["$ref"].removeprefix("#/").split("/"):
            where = where[part]
        o = where
    return o


def operations():
    """(method, path, operation)"""
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def request_schema(operation):
    return operation["requestBody"]["content"][JSON]["schema"]


def request_examples(operation):
    """name -> value"""
    content = operation["requestBody"]["content"][JSON] if "requestBody" in operation else {}
    return {name: e["value"] for name, e in content.get("examples", {}).items()}


def answer_examples(response):
    """name -> value, of all media types"""
    return {name: e["value"] for content in resolve(response)["content"].values()
            for name, e in content["examples"].items()}


def errors(schema, value):
    """What is wrong with VALUE, as texts."""
    validator = Draft202012Validator({"components": COMPONENTS, **schema})
    return ["%s: %s" % ("/".join(map(str, e.absolute_path)) or "it", e.message) for e in validator.iter_errors(value)]


# Made anew each time: of these only the type is compared, and what the schema says.
FRESH = {"integration_handle", "record_handle", "setup_handle", "handle", "authorize_url", "external_id", "trust_policy",
         "permissions_policy", "commands", "key_id", "integration", "created_at", "leaf", "leaf_hash", "index", "log_index",
         "request_id"}


def same(example, got, way=""):
    """What in GOT is not as in the EXAMPLE, or None."""
    key = way.rpartition(".")[2]
    if type(example) is not type(got):
        return "%s: %r, not %r" % (way, got, example)
    if isinstance(example, dict):
        if set(example) != set(got):
            return "%s: has %s, not %s" % (way, sorted(got), sorted(example))
        return next(filter(None, (same(example[k], got[k], way + "." + k) for k in example)), None)
    if isinstance(example, list):
        if len(example) != len(got):
            return "%s: %d, not %d" % (way, len(got), len(example))
        return next(filter(None, (same(e, g, way) for e, g in zip(example, got))), None)
    return None if key in FRESH or example == got else "%s: %r, not %r" % (way, got, example)


@functools.cache
def response_to(method, path, status):
    """The Response Object; None where the description has none."""
    if status in NOWHERE:
        found = [r for r in COMPONENTS["responses"].values() if status == status_of(r)]
        return found[0] if found else None
    operation = DOCUMENT["paths"].get(path, {}).get((method or "").lower())
    return resolve(operation["responses"].get(str(status))) if operation else None


def status_of(response):
    """Of a component: its schema says it."""
    return response["content"][PROBLEM]["schema"]["allOf"][1]["properties"]["status"]["const"]


def check_header(name, header, headers):
    text = headers.get(name)
    if text is None:
        assert not header.get("required"), "%s is missing" % name
        return
    schema = header["schema"]
    value = int(text) if schema.get("type") == "integer" else text
    assert not errors(schema, value), (name, text, errors(schema, value))


def check_problem(status, headers, problem):
    said = PROBLEMS[problem["code"]]
    assert problem["status"] == status and problem["title"] == said["title"], problem
    assert problem["code"] == "invalid_request" or status == said["status"], problem
    assert problem["type"] == "urn:postern:error:" + problem["code"], problem
    assert problem["request_id"] == headers.get("X-Request-Id"), (problem, dict(headers))
    assert str(problem.get("retry_after", "")) == headers.get("Retry-After", ""), (problem, dict(headers))


def check(method, path, status, headers, body):
    """The answer BODY, bytes, is as it is described. METHOD and PATH None: the gateway could not read them."""
    response = response_to(method, path, status)
    what = (method, path, status, body[:2000])
    assert response, ("not described", *what)
    media = headers.get("Content-Type")
    content = response["content"].get(media)
    assert content, ("its Content-Type is not described", media, *what)
    for name, header in response["headers"].items():
        check_header(name, resolve(header), headers)
    value = json.loads(body) if "json" in media else body.decode()
    found = errors(content["schema"], value)
    assert not found, (found, *what)
    if media == PROBLEM:
        check_problem(status, headers, value)


def check_answers():
    """From now on, all that any gateway of this program answers is held against the description."""
    Postern.on_answer = staticmethod(check)
