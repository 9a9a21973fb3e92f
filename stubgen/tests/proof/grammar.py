"""Follows docs/ref/grammar.ebnf over the tokens of a file and counts which of its branches were
taken. A branch is a production, one alternative of a choice, or an option or repetition as it was
taken: not at all, once, more often."""
from collections import Counter

import ebnf
from stubgen import lex
from stubgen.diag import Diags
from stubgen.source import Source

KINDS = {"NAME": lex.IDENT, "INT": lex.INT, "STRING": lex.STRING}
ENDS = {"opt": ("left out", "taken"), "rep": ("none", "one", "more")}


def show(node):
    if node.kind in ("rule", "word", "special"):
        return f'"{node.text}"' if node.kind == "word" else node.text
    inner = {"alt": " | ", "minus": " - "}.get(node.kind, " ").join(show(p) for p in node.parts)
    wrap = {"opt": "[ {} ]", "rep": "{{ {} }}", "alt": "( {} )"}
    return wrap.get(node.kind, "{}").format(inner)


class Follower:
    """`branches`: all there are, as the texts by which they are printed."""

    def __init__(self, text):
        self.rules = ebnf.Grammar(text).rules
        self.branches, self.names = [], {}
        for rule, root in self.rules.items():
            if rule.islower():             # the others are tokens
                self.branches.append(rule)
                self._name(rule, root)

    def _name(self, rule, node):
        if node.kind == "alt":
            self.names[id(node)] = [f"{rule}: {show(part)}" for part in node.parts]
        elif node.kind in ENDS:
            self.names[id(node)] = [f"{rule}: {show(node)} {end}" for end in ENDS[node.kind]]
        self.branches += self.names.get(id(node), [])
        for part in node.parts:
            self._name(rule, part)

    def follow(self, path, text):
        """The branches that a file takes, counted; None if the grammar does not make it."""
        diags = Diags()
        tokens = lex.lex(Source(path, text), diags)[:-1]
        assert not diags, diags.render()
        self.tokens, self.memo = tokens, {}
        start = ebnf.Node("rule", text="if_file")
        end, _, taken = self._match(start, 0) or (None, 0, ())
        if end != len(tokens):
            return None
        counts, stack = Counter(), [taken]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                counts[item] += 1
            else:
                stack.extend(item)
        return counts

    def _match(self, node, at):
        """(end, words, branches taken) of the longest match, or None; of equal ones that with most
        words of the language. Nothing has to be tried twice: options and repetitions take what
        they can."""
        key = (id(node), at)
        if key not in self.memo:
            self.memo[key] = getattr(self, "_match_" + node.kind)(node, at)
        return self.memo[key]

    def _match_word(self, node, at):
        is_here = at < len(self.tokens) and self.tokens[at].text == node.text and \
            self.tokens[at].kind in (lex.IDENT, lex.PUNCT)
        return (at + 1, 1, ()) if is_here else None

    def _match_rule(self, node, at):
        if node.text in KINDS:
            is_here = at < len(self.tokens) and self.tokens[at].kind == KINDS[node.text]
            return (at + 1, 0, ()) if is_here else None
        found = self._match(self.rules[node.text], at)
        return found and (found[0], found[1], (node.text, found[2]))

    def _match_seq(self, node, at):
        words, taken = 0, []
        for part in node.parts:
            found = self._match(part, at)
            if found is None:
                return None
            at, words = found[0], words + found[1]
            taken.append(found[2])
        return at, words, tuple(taken)

    def _match_minus(self, node, at):
        return None if self._match(node.parts[1], at) else self._match(node.parts[0], at)

    def _match_alt(self, node, at):
        best = None
        for name, part in zip(self.names[id(node)], node.parts):
            found = self._match(part, at)
            if found is not None and (best is None or found[:2] > best[:2]):
                best = (found[0], found[1], (name, found[2]))
        return best

    def _match_opt(self, node, at):
        found = self._match(node.parts[0], at)
        out, taken = self.names[id(node)]
        return (at, 0, (out,)) if found is None else (found[0], found[1], (taken, found[2]))

    def _match_rep(self, node, at):
        words, taken = 0, []
        while True:
            found = self._match(node.parts[0], at)
            if found is None or found[0] == at:
                break
            at, words = found[0], words + found[1]
            taken.append(found[2])
        return at, words, tuple(taken + [self.names[id(node)][min(len(taken), 2)]])
