"""What `stubgen dump` prints is as its schema says, and the schema in docs/ref is that of the
model. `--update` writes it anew; if a reader of the old form would be misled, schema.FORMAT grows.
"""
import glob
import json
import os
import subprocess
import sys

import pytest
from conftest import HERE, ROOT

from stubgen import model, schema

TOOL = os.path.join(os.path.dirname(HERE), "stubgen.py")
PAGE = os.path.join(ROOT, "docs", "ref", "dump.schema.json")
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KEYWORDS = {"$schema", "title", "description", "$defs", "$ref", "anyOf", "const", "enum", "type",
            "properties", "required", "additionalProperties", "items", "prefixItems", "minItems"}


def is_kind(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, KINDS[kind])


def check(value, rule, defs, where="$"):
    """The first place where a value is not as a schema says, or None. Knows what KEYWORDS names."""
    if rule is False:
        return f"{where}: one too many"
    assert set(rule) <= KEYWORDS, set(rule) - KEYWORDS
    if "$ref" in rule:
        wrong = check(value, defs[rule["$ref"].rsplit("/", 1)[1]], defs, where)
        if wrong:
            return wrong
    if "anyOf" in rule:
        found = [check(value, choice, defs, where) for choice in rule["anyOf"]]
        if all(found):
            return f"{where}: none of {len(found)}: {found[-1]}"
    if "const" in rule and value != rule["const"] or "enum" in rule and value not in rule["enum"]:
        return f"{where}: {value!r}"
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(is_kind(value, kind) for kind in kinds):
        return f"{where}: {value!r} is no {kinds}"
    return _parts(value, rule, defs, where)


def _parts(value, rule, defs, where):
    if isinstance(value, dict):
        known = rule.get("properties", {})
        missing = set(rule.get("required", ())) - set(value)
        more = set(value) - set(known) if rule.get("additionalProperties") is False else ()
        if missing or more:
            return f"{where}: missing {sorted(missing)}, more {sorted(more)}"
        found = [check(value[name], known[name], defs, f"{where}.{name}") for name in known
                 if name in value]
        return next(filter(None, found), None)
    if isinstance(value, list):
        first = rule.get("prefixItems", [])
        if len(value) < rule.get("minItems", 0):
            return f"{where}: too short"
        rules = first + [rule.get("items", {})] * (len(value) - len(first))
        found = [check(v, r, defs, f"{where}[{i}]") for i, (v, r) in enumerate(zip(value, rules))]
        return next(filter(None, found), None)
    return None


def judge(data):
    made = schema.schema()
    return check(data, {"$ref": made["$ref"]}, made["$defs"])


def test_DUMP0001_the_schema_in_the_tree_is_that_of_the_model(request):
    made = json.dumps(schema.schema(), indent=1) + "\n"
    if request.config.getoption("--update"):
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(made)
    with open(PAGE, encoding="utf-8") as file:
        assert file.read() == made
    told = subprocess.run([sys.executable, TOOL, "dump", "--schema"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    assert told == made


FILES = {"interfaces": (sorted(glob.glob(os.path.join(ROOT, "idl", "if", "*.if"))), True),
         "abi": (sorted(glob.glob(os.path.join(ROOT, "idl", "abi", "*.if"))), False),
         "devices": (sorted(glob.glob(os.path.join(ROOT, "idl", "dev", "*.dev"))), False),
         "kitchen sink": ([os.path.join(ROOT, "idl", "test", "kitchen_sink.if")], True),
         "everything": (sorted(glob.glob(os.path.join(HERE, "good", "*.if"))), False)}


@pytest.mark.parametrize("name", FILES)
def test_DUMP0002_dumps_are_as_the_schema_says(name):
    files, more = FILES[name]
    context = FILES["abi"][0] if more else []
    told = subprocess.run([sys.executable, TOOL, "dump", *files] + ["--with"] * bool(context)
                          + context, check=True, text=True, stdout=subprocess.PIPE).stdout
    data = json.loads(told)
    assert data["format"] == schema.FORMAT and data["node"] == "Build"
    assert judge(data) is None


def dump_of(text):
    from conftest import compile_text
    build, diags = compile_text(text)
    assert not diags, diags.render()
    return {"format": schema.FORMAT, **model.as_json(build)}


def test_DUMP0003_the_schema_can_say_no():
    good = dump_of("interface demo { id 0x300; version 1; call ask @1 (a: u32 range 1..9); }")
    assert judge(good) is None

    def spoilt(change):
        data = json.loads(json.dumps(good))
        change(data, data["interfaces"][0]["methods"][0])
        return judge(data)

    assert spoilt(lambda data, method: data.update(format=2))
    assert spoilt(lambda data, method: method.pop("ordinal"))
    assert spoilt(lambda data, method: method.update(ordinal="1"))
    assert spoilt(lambda data, method: method.update(color="red"))
    assert spoilt(lambda data, method: method["params"][0].update(type={"node": "Float"}))
    assert spoilt(lambda data, method: method["params"][0].update(range=[1]))
    assert spoilt(lambda data, method: method["params"][0].update(range=[1, 2, 3]))


def test_DUMP0004_every_class_of_the_model_is_described():
    made = schema.schema()["$defs"]
    assert all("description" in made[name] for name in ("Interface", "Method", "Param", "Lend"))
    assert {"Span", "Build", "Interface", "Named"} <= set(made)
