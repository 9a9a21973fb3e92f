"""`stubgen grammar`: how editors colour the language, from the table of its words."""
import json
import re
import sys

from . import words

NUMBER = r"\b(0x[0-9a-fA-F_]+|[0-9][0-9_]*)(KiB|MiB|GiB)?\b"
ESCAPE = r'\\["\\]'

# Group of words: the name of the colour in Vim, and in TextMate.
COLOURS = {
    "declaration": ("Structure", "keyword.declaration"), "member": ("Keyword", "keyword.other"),
    "modifier": ("StorageClass", "storage.modifier"), "clause": ("Statement", "keyword.control"),
    "attribute": ("Statement", "keyword.other.attribute"),
    "mode": ("StorageClass", "storage.modifier.mode"), "type": ("Type", "storage.type"),
    "access": ("Constant", "constant.language"), "function": ("Function", "support.function"),
}


def arguments(parser):
    parser.add_argument("editor", choices=("vim", "textmate"), help="whose form to print")


def run(args):
    sys.stdout.write(vim() if args.editor == "vim" else textmate())
    return 0


def vim():
    """A syntax file."""
    lines = ['" Made by stubgen: do not edit.', 'if exists("b:current_syntax")', "  finish",
             "endif", ""]
    for group, members in words.GROUPS.items():
        lines.append(f"syn keyword stubgen{group.capitalize()} {' '.join(members)}")
    lines += [
        r'syn match stubgenType "\<\u\w*\l\w*\>"',
        r'syn match stubgenOrdinal "@\d\+"',
        r'syn match stubgenNumber "\<\(0x[0-9a-fA-F_]\+\|\d[0-9_]*\)\(KiB\|MiB\|GiB\)\?\>"',
        r'syn match stubgenEscape "\\[\"\\]" contained',
        r'syn region stubgenString start=+"+ skip=+\\.+ end=+"+ oneline contains=stubgenEscape',
        r'syn match stubgenComment "//.*$" contains=@Spell',
        r'syn match stubgenDoc "///\(/\)\@!.*$" contains=@Spell',
        ""]
    links = {group.capitalize(): colour for group, (colour, _) in COLOURS.items()}
    links.update(Ordinal="Label", Number="Number", Escape="SpecialChar", String="String",
                 Comment="Comment", Doc="SpecialComment")
    lines += [f"hi def link stubgen{name} {colour}" for name, colour in links.items()]
    lines += ["", 'setlocal commentstring=//\\ %s comments=:///,://', 'let b:current_syntax = "if"']
    return "\n".join(lines) + "\n"


def textmate():
    """A grammar that TextMate, VS Code and Sublime Text read."""
    patterns = [
        {"name": "comment.line.documentation.aosif", "match": "///(?!/).*$"},
        {"name": "comment.line.double-slash.aosif", "match": "//.*$"},
        {"name": "string.quoted.double.aosif", "begin": '"', "end": '"|$',
         "patterns": [{"name": "constant.character.escape.aosif", "match": ESCAPE}]},
        {"name": "constant.numeric.aosif", "match": NUMBER},
        {"name": "entity.name.tag.ordinal.aosif", "match": r"@[0-9]+\b"},
        {"match": r"\b(call|oneway|event|invoke|syscall)\s+(\w+)(?=\s*@)",
         "captures": {"1": {"name": "keyword.other.aosif"},
                      "2": {"name": "entity.name.function.aosif"}}},
        # The name of a parameter or field may be any word.
        {"name": "variable.parameter.aosif", "match": r"\b[a-z_]\w*(?=\s*:)"},
    ]
    for group, members in words.GROUPS.items():
        listed = "|".join(re.escape(word) for word in members)
        patterns.append({"name": f"{COLOURS[group][1]}.aosif", "match": rf"\b({listed})\b"})
    patterns.append({"name": "entity.name.type.aosif", "match": r"\b[A-Z]\w*[a-z]\w*\b"})
    return json.dumps({
        "name": "AOS interface", "scopeName": "source.aosif", "fileTypes": ["if", "dev"],
        "comment": "Made by stubgen: do not edit.", "patterns": patterns}, indent=2) + "\n"
