# SPDX-License-Identifier: ISC
"""docs/production.md taken apart: what is typed where, what is carried, and what one then sees."""
import re
from collections import namedtuple

# SEEN: what the document says one sees, "" for nothing. MARKS: the comments before it.
Block = namedtuple("Block", "chapter host kind text seen marks")

PART = re.compile(r"^## (?:(\d+)\. )?[^\n]*$"                 # a chapter
                  r"|^[^\n]*\bOn \*\*(\w+)\*\*[^\n]*$"        # whose turn it is
                  r"|^<!-- (.*?) -->$"                        # what the test honours
                  r"|^```(sh|carry|text)\n(.*?)^```$", re.M | re.S)
KINDS_OF_MARK = ("not here: ", "may fail: ", "until seen", "again: ")


def blocks(path):
    found, chapter, host, marks = [], None, None, []
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for m in PART.finditer(text):
        number, turn, mark, kind, body = m.groups()
        if mark:
            assert mark.startswith(KINDS_OF_MARK), mark
            marks.append(mark)
            if mark.startswith("again: "):
                found.append(Block(chapter, host, "again", mark[len("again: "):], "", ()))
                marks = []
        elif kind == "text":
            assert found[-1].kind == "sh" and not found[-1].seen and not marks, body
            found[-1] = found[-1]._replace(seen=body)
        elif kind:
            found.append(Block(chapter, host, kind, body, "", tuple(marks)))
            marks = []
        elif turn:
            host = turn
        else:
            chapter, host = int(number), None
    assert text.count("```") == 2 * sum(1 + bool(b.seen) for b in found if b.kind != "again"), "a block of another kind"
    return found


def carried(block):
    """[((host, path), (host, path))]"""
    return [tuple(tuple(side.split(":", 1)) for side in line.split(" → ")) for line in block.text.splitlines()]


def packages(all_blocks, hosts):
    """The names of what HOSTS are told to install."""
    lines = [line for b in all_blocks if b.kind == "sh" and b.host in hosts for line in b.text.splitlines()]
    words = [word for line in lines if line.startswith("apt-get install ") for word in line.split()[2:]]
    return sorted({word for word in words if re.fullmatch(r"[a-z][a-z0-9.+-]+", word)})


def is_seen(seen, said):
    """Do the lines of SEEN stand in SAID, in their order? "…" is anything."""
    lines = iter(said.splitlines())
    return all(any(re.fullmatch(".*".join(map(re.escape, want.split("…"))), line) for line in lines) for want in seen.splitlines())


def has_mark(block, begin):
    return any(mark.startswith(begin) for mark in block.marks)
