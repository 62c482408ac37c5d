# SPDX-License-Identifier: ISC
"""The small faults that scripts/mutate.py puts into a C file, one at a time.

The file is read as tokens, and what is told apart (unary from binary, a declaration from a statement) is told by how clang-format sets it. Left out is
what could not be seen, or is certain to be: comments, strings, the preprocessor's lines, everything outside of functions, sizes of arrays, sizeof, the
step of a for loop, the zero of "= {0}", how many a calloc() is for, -ENOMEM, another negative number for -1.
"""
import collections
import re

Token = collections.namedtuple("Token", "kind text start end")
# Replace the bytes START to END by TEXT.
Mutant = collections.namedtuple("Mutant", "file line function start end text before after")

TOKENS = re.compile(
    r"(?P<skip>/\*.*?\*/|//[^\n]*|\s+|^[ \t]*\#(?:\\\n|[^\n])*)"
    r'|(?P<str>"(?:\\.|[^"\\\n])*")'
    r"|(?P<chr>'(?:\\.|[^'\\\n])+')"
    r"|(?P<num>\d[\w.]*)"
    r"|(?P<id>[A-Za-z_]\w*)"
    r"|(?P<op><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|.)", re.S | re.M)

RELATIONS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
OTHERS = {"&&": "||", "||": "&&", "+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>", ">>": "<<", "&": "|",
          "+=": "-=", "-=": "+=", "*=": "/=", "<<=": ">>=", ">>=": "<<=", "++": "--", "--": "++", "true": "false",
          "false": "true", "break": "continue", "continue": "break"}
BINARY = {"<", ">", "+", "-", "*", "/", "%", "<<", ">>", "&"}
OPENING, CLOSING = "([{", ")]}"
TYPES = {"struct", "enum", "union", "const", "static", "unsigned", "signed", "char", "int", "long", "short", "bool", "void"}
KEYWORDS = {"if", "for", "while", "switch", "do", "else", "case", "default", "goto", "return", "break", "continue"}
# Either argument may be either.
SYMMETRIC = {"bytes_eq", "memcmp", "same", "sodium_memcmp", "strcmp"}


def tokenize(code):
    for m in TOKENS.finditer(code):
        if m.lastgroup != "skip":
            yield Token(m.lastgroup, m[0], m.start(), m.end())


class Source:
    def __init__(self, file, code):
        self.file = file
        self.code = code
        self.tokens = list(tokenize(code))
        self.match = {}
        stack = []
        for i, t in enumerate(self.tokens):
            if t.kind == "op" and t.text in OPENING:
                stack.append(i)
            elif t.kind == "op" and t.text in CLOSING:
                self.match[i] = stack.pop()
                self.match[self.match[i]] = i
        self.found = {}

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def slice(self, first, end):
        """The code of tokens FIRST up to, not with, END."""
        return self.code[self.tokens[first].start:self.tokens[end - 1].end] if first < end else ""

    # ---- what is where ----

    def functions(self):
        """(name, return type, its brace) of each."""
        i = start = 0
        while i < len(self.tokens):
            text = self.text(i)
            if text == "{" and self.text(i - 1) == ")":
                paren = self.match[i - 1]
                yield self.text(paren - 1), self.slice(start, paren - 1), i
            if text in ("(", "[", "{"):
                i = self.match[i]
            if self.text(i) in (";", "}"):
                start = i + 1
            i += 1

    def statements(self, first, end):
        """(first token, its semicolon) of each simple statement in the tokens FIRST to END, blocks included."""
        i = first
        while i < end:
            text = self.text(i)
            if text in ("{", "}", ";", "else", "do"):
                i += 1
            elif text in ("if", "while", "for", "switch"):
                i = self.match[i + 1] + 1
            elif text in ("case", "default") or self.text(i + 1) == ":":
                while self.text(i) != ":":
                    i += 1
                i += 1
            elif re.fullmatch("[A-Z_]+", text) and self.text(i + 1) == "(" and self.text(self.match[i + 1] + 1) != ";":
                i = self.match[i + 1] + 1  # a macro that is a list of statements
            else:
                semicolon = i
                while self.text(semicolon) != ";":
                    semicolon = self.match[semicolon] + 1 if self.text(semicolon) in ("(", "[", "{") else semicolon + 1
                yield i, semicolon
                i = semicolon + 1

    def declares(self, i):
        a, b, c = (self.tokens[k] for k in (i, i + 1, i + 2))
        return a.text in TYPES or (a.kind == "id" and a.text not in KEYWORDS and (
            b.kind == "id" or (b.text == "*" and c.kind == "id" and c.start == b.end)))

    def is_binary(self, i):
        """clang-format sets a space behind a binary operator, and none behind a unary one or a declaration's star."""
        return self.tokens[i].end < self.tokens[i + 1].start and (
            self.tokens[i - 1].kind in ("id", "num", "chr", "str") or self.text(i - 1) in (")", "]"))

    def has_comparison(self, first, end):
        return any(self.text(i) in RELATIONS or self.text(i) == "!" for i in range(first, end))

    # ---- making them ----

    def add(self, first, end, text):
        """Tokens FIRST up to END become TEXT."""
        start, stop = self.tokens[first].start, self.tokens[end - 1].end
        self.found.setdefault((start, stop, text), self.function)

    def condition(self, first, end):
        """A condition turned round, unless another mutant does the same."""
        joined = any(self.text(i) in ("&&", "||") for i in range(first, end))
        if joined or not self.has_comparison(first, end):
            self.add(first, end, "!(%s)" % self.slice(first, end))

    def operator(self, i, header):
        t = self.tokens[i]
        if t.text in BINARY and not self.is_binary(i):
            return
        if t.text == "!":
            self.add(i, i + 1, "")
        for other in RELATIONS.get(t.text, ()):
            self.add(i, i + 1, other)
        if t.text in OTHERS and not (header and t.text in ("++", "--", "+=", "-=", ">>=", "<<=")):
            self.add(i, i + 1, OTHERS[t.text])
        if t.text == "|" and re.fullmatch("[A-Z_]+", self.text(i + 1)):
            self.add(i, i + 2, "")
        if t.text == "?":
            self.condition(self.condition_start(i), i)

    def condition_start(self, i):
        while i > 0 and self.text(i - 1) not in ("(", ",", "=", "return", ";", "{", "?", ":", "[", "+=", "}"):
            i = self.match[i - 1] if self.text(i - 1) in (")", "]") else i - 1
        return i

    def constant(self, i):
        t = self.tokens[i]
        if t.kind == "chr":
            plain = re.fullmatch(r"'([^\\])'", t.text)
            self.add(i, i + 1, "'%c'" % (ord(plain[1]) + 1) if plain and plain[1] not in "&[" else "(%s + 1)" % t.text)
            return
        m = re.fullmatch(r"(0[xX])?([0-9a-fA-F]+?)([uUlL]*)", t.text)
        if not m:
            return
        if re.fullmatch("0[0-7]{3}", t.text):
            self.add(i, i + 1, "0644")  # a file's mode
            return
        value = int(m[2], 16 if m[1] else 10)
        negative = self.text(i - 1) == "-" and not self.is_binary(i - 1)
        for other in (value + 1, value - 1):
            if other >= 0 and not (negative and other > value):
                self.add(i, i + 1, ("0x%x" if m[1] else "%d") % other + m[3])

    def swap(self, i):
        """The first two arguments of a call, where both are no more than a name."""
        if self.text(i + 1) != "(" or self.text(i) in SYMMETRIC | KEYWORDS:
            return
        a, comma, b, behind = (self.tokens[k] if k < len(self.tokens) else None for k in range(i + 2, i + 6))
        if behind and a.kind == b.kind == "id" and comma.text == "," and behind.text in (",", ")") and a.text != b.text:
            self.add(i + 2, i + 5, "%s, %s" % (b.text, a.text))

    def result(self, first, semicolon, returns):
        """What `return` gives is another."""
        if first + 1 == semicolon or self.slice(first + 1, semicolon) == "-ENOMEM":
            return
        expression = self.slice(first + 1, semicolon)
        if returns == "bool":
            others = [] if expression in ("true", "false") else ["true", "false"]
        elif "*" in returns:
            others = ["NULL"]
        elif re.match("struct|union|void", returns):
            others = []
        else:
            others = ["-1"] if expression == "0" else ["0"]
        for other in others:
            if other != expression:
                self.add(first + 1, semicolon, other)

    def mutate_function(self, name, returns, brace):
        self.function = name
        returns = re.sub(r"\b(static|const|inline|printf_like\s*\(.*?\))\s*", "", returns).strip()
        first, end = brace + 1, self.match[brace]
        skipped, headers, sizes = set(), set(), set()
        for i in range(first, end):
            if self.text(i) == "sizeof" and self.text(i + 1) == "(":
                skipped.update(range(i, self.match[i + 1]))
            if self.text(i - 1) == "{" and self.text(i + 1) == "}":
                skipped.add(i)
            if self.text(i) in ("BUF_INIT", "calloc"):
                sizes.update(range(i, self.match[i + 1]))
            if self.text(i) == "for":
                headers.update(range(i, self.match[i + 1]))
            if self.text(i) in ("if", "while"):
                self.condition(i + 2, self.match[i + 1])
        for i, semicolon in self.statements(first, end):
            if self.declares(i):
                for k in range(i, semicolon):
                    if self.text(k) == "=":
                        break
                    if self.text(k) == "[":
                        skipped.update(range(k, self.match[k]))
                continue
            if self.text(i) == "return":
                self.result(i, semicolon, returns)
            if self.text(i) != "return" or i + 1 == semicolon:
                self.add(i, semicolon, "")
        for i in range(first, end):
            kind = self.tokens[i].kind
            if i in skipped:
                continue
            if kind in ("num", "chr") and i not in sizes:
                self.constant(i)
            elif kind == "op" or self.text(i) in OTHERS:
                self.operator(i, i in headers)
            elif kind == "id":
                self.swap(i)

    def lines_of(self, start, end):
        first = self.code.rfind("\n", 0, start) + 1
        last = self.code.find("\n", end)
        return first, last

    def mutants(self):
        seen = collections.Counter()
        for function in self.functions():
            self.mutate_function(*function)
        for (start, end, text), function in sorted(self.found.items()):
            first, last = self.lines_of(start, end)
            before = " ".join(self.code[first:last].split())
            after = " ".join((self.code[first:start] + text + self.code[end:last]).split())
            seen[function, before, after] += 1
            if seen[function, before, after] > 1:  # the line stands there more than once
                function += "#%d" % seen[function, before, after]
            yield Mutant(self.file, self.code.count("\n", 0, start) + 1, function, start, end, text, before, after)


def mutants_of(file, code):
    """All mutants of a file, in the order of the text."""
    return list(Source(file, code).mutants())


def apply(code, mutant):
    return code[:mutant.start] + mutant.text + code[mutant.end:]
