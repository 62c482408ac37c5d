#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""docs/api.md, made from data/openapi.json.

api-doc.py --write     write it
api-doc.py --check     TAP: is it what would be written?
"""
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE, PAGE = "data/openapi.json", "docs/api.md"
JSON, PROBLEM = "application/json", "application/problem+json"
WIDTH = 110  # what fits stands on one line

HEAD = """<!-- made by scripts/api-doc.py from data/openapi.json: change that -->
# The API

%s

`GET /openapi.json` answers the same as OpenAPI 3.1. Clients in curl and sh, Python and Go are in [clients.md](clients.md).

"""
PROBLEMS = """## Problems

What is refused or fails is answered with `application/problem+json` (RFC 9457). Go by `code`; `title` and `detail` are for people, and may change. `type` is a name, not an address:
`urn:postern:error:` and the code, which is also the anchor on this page ([`urn:postern:error:policy_denied`](#policy_denied)). It does not change, nor does a code's meaning.

"""
FAULTS = """### Statuses of `invalid_request`

Faults of method, framing, size and media type. Each ends the connection, but for those at a body that was read.

| status | when |
|---|---|
"""


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def layout(value, indent=0):
    """JSON, with a line for each member of what is too long for one."""
    line = json.dumps(value, ensure_ascii=False)
    if indent + len(line) <= WIDTH or not isinstance(value, (dict, list)):
        return line
    inner, pad = indent + 2, "\n" + " " * (indent + 2)
    if isinstance(value, dict):
        members = ['%s: %s' % (json.dumps(k), layout(v, inner)) for k, v in value.items()]
        return "{%s%s\n%s}" % (pad, ("," + pad).join(members), " " * indent)
    return "[%s%s\n%s]" % (pad, ("," + pad).join(layout(v, inner) for v in value), " " * indent)


class Page:
    def __init__(self, document):
        self.document = document
        self.components = document["components"]

    # ---- what is referred to ----

    def resolve(self, o):
        while "$ref" in o:
            where = self.document
            for part in o["$ref"].removeprefix("#/").split("/"):
                where = where[part]
            o = where
        return o

    @staticmethod
    def name_of(o):
        return o["$ref"].rpartition("/")[2] if "$ref" in o else None

    def is_table(self, schema):
        return self.resolve(schema).get("type") == "object" and "properties" in self.resolve(schema)

    # ---- a field in words ----

    def kind(self, schema):
        """In a word or two."""
        s = self.resolve(schema)
        if self.is_table(schema):
            name = self.name_of(schema)
            return "[%s](#%s)" % (name, name.lower()) if name else "object"
        if "enum" in s:
            return ", ".join("`%s`" % v for v in s["enum"])
        if "const" in s:
            return "`%s`" % json.dumps(s["const"])
        if "oneOf" in s:
            return " or ".join(self.kind(o) for o in s["oneOf"])
        if s.get("type") == "array":
            return "list of " + self.kind(s["items"])
        kinds = s["type"] if isinstance(s["type"], list) else [s["type"]]
        words = {"string": "text", "integer": "number", "boolean": "true or false", "object": "object of texts",
                 "array": "list of " + self.kind(s["items"]) if "items" in s else ""}
        return " or ".join(words.get(k, k) for k in kinds)

    def limits(self, schema):
        s = self.resolve(schema)
        found = []
        for low, high, unit in (("minLength", "maxLength", "bytes"), ("minimum", "maximum", ""), ("minItems", "maxItems", "items"),
                                ("minProperties", "maxProperties", "fields")):
            if low in s and high in s:
                found.append("%s to %s %s" % (s[low], s[high], unit))
            elif high in s:
                found.append("at most %s %s" % (s[high], unit))
            elif low in s:
                found.append("at least %s %s" % (s[low], unit))
        if "pattern" in s:
            found.append("`%s`" % s["pattern"].replace("|", "\\|"))
        if "default" in s:
            found.append("default `%s`" % json.dumps(s["default"]).strip('"'))
        return "; ".join(f.rstrip() for f in found)

    def table(self, schema):
        s = self.resolve(schema)
        lines = ["| field | | what | limits |", "|---|---|---|---|"]
        for name, part in s["properties"].items():
            what = self.kind(part)
            said = self.resolve(part).get("description", "") if not (self.is_table(part) and self.name_of(part)) else ""
            lines.append("| `%s` | %s | %s | %s |" % (
                name, "" if name in s.get("required", []) else "optional", ". ".join(filter(None, [what, said])), self.limits(part)))
        return "\n".join(lines) + "\n"

    def tables(self, schema, seen):
        """The schema's own, and a section for each that it refers to and that was not SEEN yet."""
        text = self.table(schema)
        for name in self.named(schema):
            if name not in seen:
                seen.add(name)
                part = {"$ref": "#/components/schemas/" + name}
                about = self.resolve(part).get("description")
                text += "\n#### %s\n\n%s%s" % (name, about + "\n\n" if about else "", self.tables(part, seen))
        return text

    def named(self, schema):
        s = self.resolve(schema)
        for part in list(s.get("properties", {}).values()) + s.get("oneOf", []):
            item = self.resolve(part).get("items", part)
            for p in (part, item):
                if self.name_of(p) and self.is_table(p):
                    yield self.name_of(p)

    # ---- examples ----

    @staticmethod
    def example(value):
        if isinstance(value, str):
            return "```\n%s```\n" % value
        return "```json\n%s\n```\n" % layout(value)

    def examples(self, operation):
        asked = operation["requestBody"]["content"][JSON]["examples"] if "requestBody" in operation else {}
        answered = {}
        for status, response in operation["responses"].items():
            for content in self.resolve(response)["content"].values():
                for name, e in content["examples"].items():
                    if name in asked or name in ("get", "not_ready"):
                        answered[name] = status, e
        text = ""
        for name in [*asked, *(n for n in answered if n not in asked)]:
            status, answer = answered[name]
            summary = asked.get(name, answer).get("summary") or {"200": "For example:"}.get(status, "Else:")
            text += "%s\n\n" % summary
            if name in asked:
                text += self.example(asked[name]["value"]) + "\n"
            text += "%s:\n\n%s\n" % (status, self.example(answer["value"]))
        return text

    # ---- an endpoint ----

    def statuses(self, operation):
        """Those beside 200, by their codes."""
        codes, faults = [], []
        for status, response in operation["responses"].items():
            content = self.resolve(response)["content"].get(PROBLEM)
            if not content:
                continue
            for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]:
                if code == "invalid_request":
                    faults += [status] if status != "400" else []
                else:
                    codes.append("[%s](#%s)" % (code, code))
        return "Problems: [invalid_request](#invalid_request) (%s)%s.\n" % (
            ", ".join(["400", *faults]), "".join(", " + c for c in codes))

    def who(self, operation):
        security = operation.get("security", self.document["security"])
        if {"basic": []} in security:
            return "By HTTP Basic.\n\n"
        return "" if security else "No token is asked for.\n\n"

    def answer(self, response, seen):
        text = ""
        for media, content in response["content"].items():
            schema = self.resolve(content["schema"])
            text += "%s" % response["description"]
            text += " `%s`.\n\n" % media if media != JSON else "\n\n"
            for part in schema.get("oneOf", [content["schema"]]) if not self.is_table(content["schema"]) else [content["schema"]]:
                if self.is_table(part):
                    text += self.tables(part, seen) + "\n"
        return text

    def request(self, schema, seen):
        """Its table; of several that it may be, a section for each that was not SEEN yet."""
        if "oneOf" not in schema:
            return self.tables(schema, seen)
        names = [self.name_of(part) for part in schema["oneOf"]]
        text = "One of %s.\n" % ", ".join("[%s](#%s)" % (n, n.lower()) for n in names)
        for part in schema["oneOf"]:
            if self.name_of(part) not in seen:
                seen.add(self.name_of(part))
                text += "\n#### %s\n\n%s\n\n%s" % (self.name_of(part), self.resolve(part)["description"], self.tables(part, seen))
        return text

    def endpoint(self, path, method, operation, seen):
        text = "### %s %s\n\n%s" % (method.upper(), path, operation["summary"])
        text += " " + operation["description"] if "description" in operation else ""
        text += "\n\n" + self.who(operation)
        if "requestBody" in operation:
            text += "In:\n\n" + self.request(operation["requestBody"]["content"][JSON]["schema"], seen) + "\n"
        for status, response in operation["responses"].items():
            if "$ref" not in response:
                text += "Out, %s: " % status + self.answer(response, seen)
        return text + self.statuses(operation) + "\n" + self.examples(operation)

    # ---- the whole ----

    def endpoints(self):
        lines = ["| endpoint | |", "|---|---|"]
        text, seen = "", set()
        for tag in self.document["tags"]:
            text += "## %s\n\n%s\n\n" % (tag["name"].capitalize(), tag["description"])
            for path, item in self.document["paths"].items():
                for method, operation in item.items():
                    if tag["name"] in operation["tags"]:
                        anchor = "%s-%s" % (method, path.translate(str.maketrans("", "", "/.")))
                        lines.append("| [`%s %s`](#%s) | %s |" % (method.upper(), path, anchor, operation["summary"]))
                        text += self.endpoint(path, method, operation, seen)
        return "\n".join(lines) + "\n\n" + text

    def headers(self):
        text = "## Headers\n\n| header | | |\n|---|---|---|\n"
        for p in self.components["parameters"].values():
            text += "| `%s` | of a request, optional | %s `%s` |\n" % (p["name"], p["description"], self.resolve(p["schema"])["pattern"])
        for name, h in self.components["headers"].items():
            text += "| `%s` | of an answer | %s |\n" % (name, h["description"])
        text += "\n## Who calls\n\n"
        for scheme in self.components["securitySchemes"].values():
            text += "- %s\n" % scheme["description"]
        return text + "\n"

    def problems(self):
        text = PROBLEMS + "| code | status | |\n|---|---|---|\n"
        known = self.document["x-problems"]
        for p in known:
            text += "| [`%s`](#%s) | %d | %s |\n" % (p["code"], p["code"], p["status"], p["title"])
        text += "\n#### Problem\n\n" + self.table({"$ref": "#/components/schemas/Problem"}) + "\n"
        for p in known:
            text += "### %s\n\n%d, *%s*. %s\n\n- **Does trying again help?** %s\n- **What to do:** %s\n\n" % (
                p["code"], p["status"], p["title"], p["meaning"], p["retry"], p["do"])
            text += "".join(self.example(v) + "\n" for v in self.first_example(p["code"]))
        return text + self.faults()

    def first_example(self, code):
        """The first there is, as a list."""
        for response in self.components["responses"].values():
            for e in response["content"][PROBLEM]["examples"].values():
                if e["value"]["code"] == code:
                    return [e["value"]]
        return []

    def faults(self):
        text = FAULTS
        for response in self.components["responses"].values():
            said = response["content"][PROBLEM]["schema"]["allOf"][1]["properties"]
            if said["code"]["enum"] == ["invalid_request"]:
                text += "| %d | %s |\n" % (said["status"]["const"], response["description"])
        return text

    def text(self):
        return HEAD % self.document["info"]["description"] + self.endpoints() + self.headers() + self.problems()


def main():
    text = Page(json.loads(read(SOURCE))).text()
    if sys.argv[1:] == ["--write"]:
        with open(os.path.join(ROOT, PAGE), "w", encoding="utf-8") as f:
            f.write(text)
        return
    if sys.argv[1:] != ["--check"]:
        sys.exit("usage: api-doc.py --write | --check")
    anchors = {re.sub(r"[^a-z0-9_ -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)", text, re.M)}
    lost = set(re.findall(r"\(#([^)]*)\)", text)) - anchors
    fresh = os.path.exists(os.path.join(ROOT, PAGE)) and read(PAGE) == text
    print("1..2")
    if not fresh:
        print("# run scripts/api-doc.py --write")
    print("%sok 1 - %s is made from %s" % ("" if fresh else "not ", PAGE, SOURCE))
    if lost:
        print("# lead nowhere: " + ", ".join(sorted(lost)))
    print("%sok 2 - its links within lead somewhere" % ("not " if lost else ""))
    sys.exit(not fresh or bool(lost))


if __name__ == "__main__":
    main()
