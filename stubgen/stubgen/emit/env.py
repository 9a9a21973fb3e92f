"""The template environment: dumb templates, delimiters that leave C readable."""
import os
import sys

import jinja2

HERE = os.path.dirname(os.path.abspath(__file__))


class _Bytecode(jinja2.FileSystemBytecodeCache):
    """Compiled templates stand beside compiled modules; where they cannot, they are compiled by
    each run."""

    def __init__(self, folder):
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            pass
        super().__init__(folder)

    def dump_bytecode(self, bucket):
        try:
            super().dump_bytecode(bucket)
        except OSError:
            pass


def _bytecode():
    if sys.dont_write_bytecode:
        return None
    root = os.path.join(sys.pycache_prefix, HERE.lstrip(os.sep)) if sys.pycache_prefix else HERE
    return _Bytecode(os.path.join(root, "__pycache__"))


def environment(folder):
    """Templates of one back end. In them: /*- statement -*/, /*? value ?*/ and /*# comment #*/."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.path.join(HERE, folder)),
        block_start_string="/*-", block_end_string="-*/",
        variable_start_string="/*?", variable_end_string="?*/",
        comment_start_string="/*#", comment_end_string="#*/",
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False, bytecode_cache=_bytecode())


def banner(paths):
    """The first comment of a generated file. Names only: machine paths stay out of the output."""
    names = ", ".join(os.path.basename(path) for path in paths)
    return f"Made by stubgen from {names}: do not edit."


def c_string(text):
    """A C string literal."""
    out = []
    for byte in text.encode():
        char = chr(byte)
        if char in "\"\\":
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'
