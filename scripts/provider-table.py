#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The table provider x case of docs/providers/README.md, made from the tests.

provider-table.py --write     write it
provider-table.py --check     TAP: is it what the tests give, has every provider every case, a page and a row in the man page?

A case is a script of tests/unit/test_NAME.c by its name; it counts as recorded when one of its answers is a recording.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
README = "docs/providers/README.md"
BEGIN, END = "<!-- made by scripts/provider-table.py -->\n", "<!-- end -->\n"

# Column, and the names of scripts that show it; a remark in parentheses or behind a comma may follow.
CASES = [
    ("two pages", ["zones: two pages"]),
    ("wrong key", ["zones: wrong key"]),
    ("slow down", ["zones: slow down"]),
    ("error in a 200", ["zones: an error inside a 200"]),
    ("zone missing", ["add: zone missing"]),
    ("add", ["add: recorded", "add: the first value"]),
    ("exists", ["add: exists"]),
    ("second value", ["add: a second value"]),
    ("replace", ["add: replace"]),
    ("refused", ["add: refused"]),
    ("remove", ["remove: recorded", "remove: the last one", "remove: the value"]),
    ("gone", ["remove: gone"]),
    ("one of two", ["remove: one of two"]),
]

# What cannot be, and why.
NEVER = {
    ("luadns", "two pages"): "the API has no pages, but where they are asked for",
    ("ionos", "two pages"): "the API has no pages",
    ("powerdns", "two pages"): "the API has no pages",
    ("ovh", "two pages"): "the API has no pages",
    ("rfc2136", "two pages"): "there is no list: the customer names the zones",
    ("rfc2136", "slow down"): "the protocol has no such answer",
    ("rfc2136", "error in a 200"): "there is no HTTP; each answer has its own code",
}

# rfc2136 is shown on real servers: functions of tests/e2e/test_rfc2136.py, and what they show.
REAL = {
    "wrong key": "test_wrong_key", "zone missing": "test_zone_missing", "add": "test_add_and_remove",
    "exists": "test_exists", "second value": "test_two_values", "replace": "test_replace",
    "refused": "test_refused_zone", "remove": "test_add_and_remove", "gone": "test_add_and_remove",
    "one of two": "test_two_values",
}


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def providers():
    """name -> title, in the order of the table."""
    listed = re.search(r"#define PROVIDER_LIST\(X\)(.*?)\n\n", read("src/provider/provider.h"), re.S)[1]
    found = {}
    for name in re.findall(r"X\((\w+)\)", listed):
        found[name] = re.search(r'\.title = "([^"]*)"', read("src/provider/%s.c" % name))[1]
    return found


def scripts(name):
    """(script's name, is one of its answers recorded?) of each."""
    code = re.sub(r'"\s*\n\s*"', "", read("tests/unit/test_%s.c" % name))
    macros = dict(re.findall(r"^#define (\w+)(?:\([^)]*\))?\s+((?:[^\n]*\\\n)*[^\n]*)", code, re.M))
    recorded = {m for m, text in macros.items() if is_recording(text)}
    for m, text in macros.items():
        if any(re.search(r"\b%s\b" % r, text) for r in recorded):
            recorded.add(m)
    parts = re.split(r'\n\t\{(?=")', code)[1:]
    for part in parts:
        title = re.match(r'"([^"]*)"', part)[1]
        body = part.split("\n};", 1)[0]
        yield title, is_recording(body) or any(re.search(r"\b%s\b" % r, body) for r in recorded)


def is_recording(text):
    return any("/made/" not in path for path in re.findall(r'(?:"@|\.file = ")([^" ]+)', text))


def shows(title, names):
    return any(title == n or title.startswith((n + " (", n + ",")) for n in names)


def cells(name):
    """Column -> "recorded", "made", "real" or None; what cannot be is left out."""
    if name == "rfc2136":
        code = read("tests/e2e/test_rfc2136.py")
        return {case: "real" if "def %s(" % REAL[case] in code else None for case, _ in CASES
                if (name, case) not in NEVER}
    all_scripts = list(scripts(name))
    found = {}
    for case, names in CASES:
        if (name, case) in NEVER:
            continue
        hits = [recorded for title, recorded in all_scripts if shows(title, names)]
        found[case] = None if not hits else "recorded" if any(hits) else "made"
    return found


MARKS = {"recorded": "●", "made": "○", "real": "◆", None: " "}


def table():
    reasons = []
    for reason in NEVER.values():
        if reason not in reasons:
            reasons.append(reason)
    lines = ["| provider | %s |" % " | ".join(case for case, _ in CASES), "|---|%s" % ("---|" * len(CASES))]
    for name in providers():
        row = cells(name)
        marks = [MARKS[row[case]] if case in row else "<sup>%d</sup>" % (reasons.index(NEVER[name, case]) + 1)
                 for case, _ in CASES]
        lines.append("| [%s](%s.md) | %s |" % (name, name, " | ".join(marks)))
    lines += ["", "● with recorded answers, ○ with answers made after the API's documentation, ◆ on real servers (BIND and Knot).", ""]
    lines += ["%d. %s" % (i, reason) for i, reason in enumerate(reasons, 1)]
    return "\n".join(lines) + "\n"


def split(text):
    """What stands before the table, the table, and what stands behind it."""
    head, _, rest = text.partition(BEGIN)
    old, _, tail = rest.partition(END)
    return head, old, tail


def check():
    """(what is checked, what is wrong with it) of each."""
    missing = ["%s: %s" % (name, case) for name in providers() for case, mark in cells(name).items() if not mark]
    yield "every provider has every case", missing
    unread = ["tests/unit/test_%s.c does not run its scripts" % name for name in providers()
              if name != "rfc2136" and not re.search(r"\brun_scripts(_and)?\(", read("tests/unit/test_%s.c" % name))]
    yield "every case is cut short and given every status", unread
    yield "docs/providers/README.md has the table that the tests give", (
        [] if split(read(README))[1] == table() else ["run scripts/provider-table.py --write"])
    pages = [name + ".md" for name in providers() if not os.path.exists(os.path.join(ROOT, "docs/providers", name + ".md"))]
    yield "every provider has a page", pages
    manual = read("man/postern-providers.7")
    yield "every provider has a row in postern-providers(7)", [n for n in providers() if not re.search(r"^\.It Ic %s$" % n, manual, re.M)]


def main():
    if sys.argv[1:] == ["--write"]:
        head, _, tail = split(read(README))
        with open(os.path.join(ROOT, README), "w", encoding="utf-8") as f:
            f.write(head + BEGIN + table() + END + tail)
        return
    if sys.argv[1:] != ["--check"]:
        sys.exit("usage: provider-table.py --write | --check")
    results = list(check())
    print("1..%d" % len(results))
    for number, (what, wrong) in enumerate(results, 1):
        for text in wrong:
            print("# " + text)
        print("%sok %d - %s" % ("not " if wrong else "", number, what))
    sys.exit(any(wrong for _, wrong in results))


if __name__ == "__main__":
    main()
