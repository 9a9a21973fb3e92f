"""Editors' grammars: golden, and complete: each word that the parser knows is in them."""
import ast
import json
import os
import re

import pytest
from conftest import HERE, ROOT

from stubgen import cmd_grammar, parse, parse_abi, words

GOLDEN = {"vim": "grammar.vim", "textmate": "grammar.tmLanguage.json"}
MAKE = {"vim": cmd_grammar.vim, "textmate": cmd_grammar.textmate}


def parser_words():
    """The words that the parser's source asks for."""
    found = set()
    for module in (parse, parse_abi):
        with open(module.__file__, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) \
                    and node.func.attr in ("at", "accept", "expect") \
                    and isinstance(node.args[0], ast.Constant):
                found.add(node.args[0].value)
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In) \
                    and isinstance(node.comparators[0], ast.Tuple):
                found |= {e.value for e in node.comparators[0].elts
                          if isinstance(e, ast.Constant)}
    return {word for word in found if isinstance(word, str) and word.isalnum()}


def test_EDIT0001_the_table_has_every_word_of_the_parser():
    known = parser_words()
    assert len(known) > 40 and "coalesce" not in known      # those of tables are added by name
    assert known <= set(words.all_words())


@pytest.mark.parametrize("editor", sorted(GOLDEN))
def test_EDIT0002_golden(editor, request):
    path = os.path.join(HERE, "golden", GOLDEN[editor])
    if request.config.getoption("--update"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(MAKE[editor]())
    with open(path, encoding="utf-8") as file:
        assert MAKE[editor]() == file.read()


def test_EDIT0003_every_word_is_in_both():
    in_vim = set(re.findall(r"\w+", " ".join(
        line for line in cmd_grammar.vim().splitlines() if line.startswith("syn keyword"))))
    patterns = [re.compile(p["match"]) for p in json.loads(cmd_grammar.textmate())["patterns"]
                if p.get("name", "").startswith(("keyword", "storage", "constant.language",
                                                 "support"))]
    for word in words.all_words():
        assert word in in_vim, word
        assert any(p.fullmatch(word) for p in patterns), word


def test_EDIT0004_a_word_has_one_colour():
    listed = [word for members in words.GROUPS.values() for word in members]
    assert sorted(listed) == words.all_words()


def test_EDIT0005_files_of_the_tree_are_coloured():
    """Textmate: what the patterns take out of real files are words of the language, not halves of
    names; in each file something of every colour of declarations is found."""
    patterns = json.loads(cmd_grammar.textmate())["patterns"]
    for name in ("memory.if", "process.if"):
        with open(os.path.join(ROOT, "idl", "if", name), encoding="utf-8") as file:
            text = file.read()
        for pattern in patterns:
            begin = re.compile(pattern.get("match") or pattern["begin"], re.MULTILINE)
            if pattern.get("name", "").startswith("keyword.declaration"):
                assert begin.search(text)
        calls = next(re.compile(p["match"]) for p in patterns if "captures" in p)
        assert len(calls.findall(text)) == len(re.findall(r"^ *(?:call|oneway|event) ", text,
                                                          re.MULTILINE))
