"""docs/ref/grammar.ebnf and the parser are the same language: the parser takes what the grammar
makes, both judge files and damaged files alike, and both know the same words."""
import ast
import glob
import os
import random

import pytest
from conftest import HERE, ROOT
from ebnf import Grammar, Maker, Matcher

from stubgen import lex
from stubgen.diag import Diags
from stubgen.limits import RESERVED_BITS
from stubgen.parse import parse
from stubgen.source import Source, read_source

with open(os.path.join(ROOT, "docs", "ref", "grammar.ebnf"), encoding="utf-8") as _file:
    TEXT = _file.read()
KINDS = {"NAME": lex.IDENT, "INT": lex.INT, "STRING": lex.STRING}
STARTS = {".if": "if_file", ".dev": "dev_file"}
# What the parser reports although it is no matter of grammar: parts given twice, conditions that
# are too long, doc comments that document nothing.
BEYOND = {"E0204", "E0209", "E0212"}
SPECIALS = {
    "a letter of ASCII, or _": "abcXYZ_", "0 to 9": "0123456789", "a to f, A to F": "abcdefABCDEF",
    'any character but ", \\ and the end of the line': "a ä/*?{;0"}
SPACES = (" ", " ", "  ", "\n", "\n\n", "\t", " // remark\n", "\n//\n")
FILES = sorted(glob.glob(os.path.join(HERE, "good", "*.*[fv]")) +
               glob.glob(os.path.join(HERE, "bad", "*.*[fv]")) +
               glob.glob(os.path.join(HERE, "golden", "*.*[fv]")) +
               glob.glob(os.path.join(ROOT, "idl", "**", "*.*[fv]"), recursive=True))
TEXTS = 300
DAMAGED = 2500


def readable(path):
    """The tokens of a file, or None if some of it is none; the last one, EOF, is left out."""
    diags = Diags()
    tokens = lex.lex(read_source(path), diags)[:-1]
    return None if diags else [(token.kind, token.text) for token in tokens]


def parser_takes(text, suffix):
    diags = Diags()
    parse(Source("t" + suffix, text), diags)
    return not {diag.code for diag in diags.items} - BEYOND, diags.render()


def grammar_makes(tokens, suffix):
    return Matcher(Grammar(TEXT), KINDS, tokens).is_made_by(STARTS[suffix])


def words_of_the_parser():
    """Every word that the parser's source asks for: the arguments of at, accept and expect, and
    what a token's text is compared with."""
    found = set()
    for name in ("parse.py", "parse_abi.py"):
        with open(os.path.join(HERE, "..", "stubgen", name), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and \
                    node.func.attr in ("at", "accept", "expect"):
                found.add(getattr(node.args[0], "value", None))
            elif isinstance(node, (ast.Tuple, ast.List)):
                found |= {getattr(item, "value", None) for item in node.elts}
            elif isinstance(node, ast.Compare) and "text" in ast.dump(node.left):
                found |= {getattr(item, "value", None) for item in node.comparators}
    found |= set(RESERVED_BITS)
    return {word for word in found if isinstance(word, str) and word.isalnum()}


def test_GRAM0001_both_know_the_same_words():
    words = {word for word in Grammar(TEXT).words() if word.isalnum()}
    assert words == words_of_the_parser()


def test_GRAM0002_every_rule_is_used():
    grammar = Grammar(TEXT)
    used = {node.text for _, node in grammar.nodes() if node.kind == "rule"}
    assert used | set(STARTS.values()) == set(grammar.rules)


@pytest.mark.parametrize("suffix", sorted(STARTS))
def test_GRAM0003_the_parser_takes_what_the_grammar_makes(suffix):
    grammar, pick = Grammar(TEXT), random.Random(7)
    words = sorted(word for word in grammar.words() if word.isalnum())
    maker = Maker(grammar, pick, words + ["a", "Kind", "N", "x9_y"], SPECIALS)
    for _ in range(TEXTS):
        text = "".join(token + pick.choice(SPACES) for token in maker.tokens(STARTS[suffix]))
        taken, why = parser_takes(text, suffix)
        assert taken, why
    reached, todo = set(), [STARTS[suffix]]
    while todo:
        name = todo.pop()
        reached.add(name)
        todo += [node.text for owner, node in grammar.nodes()
                 if owner == name and node.kind == "rule" and node.text not in reached]
    never = [(name, number) for name, node in grammar.nodes() if name in reached - {"modeword"}
             for number, used in enumerate(node.used) if not used]
    assert not never, "no text has these choices"


@pytest.mark.parametrize("path", FILES, ids=[os.path.relpath(path, ROOT) for path in FILES])
def test_GRAM0004_both_judge_a_file_alike(path):
    tokens, suffix = readable(path), os.path.splitext(path)[1]
    if tokens is None:
        assert os.path.basename(path).startswith(("E01", "many"))
        return
    taken, why = parser_takes(read_source(path).text, suffix)
    assert grammar_makes(tokens, suffix) == taken, why


def test_GRAM0005_both_judge_damaged_files_alike():
    pick, taken = random.Random(5), 0
    texts = []
    for folder in ("good", "golden"):
        for path in FILES:
            if os.path.basename(os.path.dirname(path)) == folder:
                texts.append((readable(path), os.path.splitext(path)[1]))
    everything = sorted({token for tokens, _ in texts for token in tokens})
    grammar = Grammar(TEXT)
    for _ in range(DAMAGED):
        tokens, suffix = pick.choice(texts)
        at = pick.randrange(len(tokens))
        tokens = tokens[at:at + 60] if pick.random() < 0.1 else list(tokens)
        at = pick.randrange(len(tokens))
        kind = pick.randrange(3)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(at, pick.choice(everything))
        else:
            tokens[at] = pick.choice(everything)
        text = " ".join(text for _, text in tokens)
        verdict, why = parser_takes(text, suffix)
        made = Matcher(grammar, KINDS, tokens).is_made_by(STARTS[suffix])
        assert made == verdict, f"{text}\n{why}"
        taken += verdict
    assert DAMAGED // 50 < taken < DAMAGED // 2, "the damage is too much or too little"
