"""Reads docs/ref/grammar.ebnf, makes random texts of it, and says whether a text is one."""
import re

_TOKEN = re.compile(r"""
    (?P<space>\s+|\(\*.*?\*\))
  | (?P<word>"[^"]*"|'[^']*')
  | (?P<special>\?[^?]*\?)
  | (?P<rule>[A-Za-z_]+)
  | (?P<sign>[=;|\[\]{}()-])
""", re.VERBOSE | re.DOTALL)
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Node:
    """kind: alt and seq (of `parts`), opt, rep and group (parts[0]), minus (parts[0] that is no
    parts[1]), word, special and rule (`text`). `used` counts how often each part of an alt, and
    each end of an opt or rep, was made."""

    def __init__(self, kind, parts=(), text=""):
        self.kind = kind
        self.parts = list(parts)
        self.text = text
        self.used = [0] * (len(self.parts) if kind == "alt" else 2 if kind in ("opt", "rep") else 0)


class Grammar:
    """`rules`: Node by name."""

    def __init__(self, text):
        self.tokens = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            assert found, f"not EBNF: {text[at:at + 40]!r}"
            at = found.end()
            if found.lastgroup != "space":
                self.tokens.append((found.lastgroup, found.group()))
        self.tokens.reverse()
        self.rules = {}
        while self.tokens:
            name = self.tokens.pop()[1]
            assert name not in self.rules, f"{name} is defined twice"
            self.expect("=")
            self.rules[name] = self.alternatives()
            self.expect(";")

    def expect(self, sign):
        token = self.tokens.pop()
        assert token == ("sign", sign), f"expected {sign}, found {token[1]}"

    def alternatives(self):
        parts = [self.sequence()]
        while self.tokens[-1] == ("sign", "|"):
            self.tokens.pop()
            parts.append(self.sequence())
        return parts[0] if len(parts) == 1 else Node("alt", parts)

    def sequence(self):
        parts = []
        while self.tokens[-1][0] != "sign" or self.tokens[-1][1] in "([{":
            part = self.part()
            if self.tokens[-1] == ("sign", "-"):
                self.tokens.pop()
                part = Node("minus", [part, self.part()])
            parts.append(part)
        return parts[0] if len(parts) == 1 else Node("seq", parts)

    def part(self):
        kind, text = self.tokens.pop()
        if kind == "sign":
            inner = self.alternatives()
            self.expect(CLOSING[text])
            return inner if text == "(" else Node("opt" if text == "[" else "rep", [inner])
        return Node(kind, text=text if kind == "rule" else text[1:-1].strip())

    def nodes(self):
        """Every node, with the rule that it is part of."""
        def walk(node):
            yield node
            for part in node.parts:
                yield from walk(part)
        for name, root in self.rules.items():
            for node in walk(root):
                yield name, node

    def words(self):
        """What stands in quotes in productions that are no tokens."""
        return {node.text for name, node in self.nodes() if node.kind == "word" and name.islower()}


class Maker:
    """Random texts. `names`: what NAME becomes; `specials`: characters by what ? ? says."""

    def __init__(self, grammar, pick, names, specials):
        self.rules = grammar.rules
        self.pick = pick
        self.names = names
        self.specials = specials

    def tokens(self, name):
        return self.make(self.rules[name])

    def make(self, node):
        if node.kind == "seq":
            return [token for part in node.parts for token in self.make(part)]
        if node.kind == "alt":
            return self.make(node.parts[self.choose(node, len(node.parts))])
        if node.kind == "opt":
            return self.make(node.parts[0]) if self.choose(node, 2) else []
        if node.kind == "rep":
            count = self.pick.randint(1, 3) if self.choose(node, 2) else 0
            return [token for _ in range(count) for token in self.make(node.parts[0])]
        if node.kind == "minus":
            made = self.make(node.parts[0])
            not_these = {part.text for part in self.rules[node.parts[1].text].parts}
            return made if made[0] not in not_these else self.make(node)
        if node.kind == "special":
            return [self.pick.choice(self.specials[node.text])]
        if node.kind == "word":
            return [node.text]
        if node.text == "NAME" and self.pick.random() < 0.9:
            return [self.pick.choice(self.names)]
        made = self.make(self.rules[node.text])
        return made if node.text.islower() else ["".join(made)]

    def choose(self, node, count):
        """One of `count` choices; those that were made least come more often."""
        least = min(range(count), key=lambda index: node.used[index])
        index = least if self.pick.random() < 0.5 else self.pick.randrange(count)
        node.used[index] += 1
        return index


class Matcher:
    """Is a list of tokens (kind, text) made by a rule? `kinds`: what the token productions NAME,
    INT and STRING are called there."""

    def __init__(self, grammar, kinds, tokens):
        self.rules = grammar.rules
        self.kinds = kinds
        self.tokens = tokens
        self.known = {}

    def is_made_by(self, name):
        return len(self.tokens) in self.ends(Node("rule", text=name), 0)

    def ends(self, node, at):
        """Where what `node` makes from token `at` on can end."""
        key = id(node), at
        if key not in self.known:
            self.known[key] = getattr(self, node.kind)(node, at)
        return self.known[key]

    def seq(self, node, at):
        found = {at}
        for part in node.parts:
            found = {end for begin in found for end in self.ends(part, begin)}
        return found

    def alt(self, node, at):
        return {end for part in node.parts for end in self.ends(part, at)}

    def opt(self, node, at):
        return {at} | self.ends(node.parts[0], at)

    def rep(self, node, at):
        found, fresh = {at}, {at}
        while fresh:
            fresh = {end for begin in fresh for end in self.ends(node.parts[0], begin)} - found
            found |= fresh
        return found

    def minus(self, node, at):
        return self.ends(node.parts[0], at) - self.ends(node.parts[1], at)

    def word(self, node, at):
        return {at + 1} if at < len(self.tokens) and self.tokens[at][1] == node.text \
            and self.tokens[at][0] != self.kinds["STRING"] else set()

    def rule(self, node, at):
        if node.text not in self.kinds:
            return self.ends(self.rules[node.text], at)
        is_one = at < len(self.tokens) and self.tokens[at][0] == self.kinds[node.text]
        return {at + 1} if is_one else set()
