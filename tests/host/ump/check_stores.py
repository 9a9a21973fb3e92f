"""check_stores.py OBJDUMP OBJECT: the short ways of a UMP call store with release once for a line,
and have no barrier but the one that emulators need (ump_ring.h). Prints TAP."""
import re
import subprocess
import sys

# How many such stores there may be: the compiler may make two of one, for full lines and others.
FUNCTIONS = {"ump_ring_send": 2, "ump_serve_disabled": 1, "ump_call_short": 1}


def instructions(text, name):
    """The mnemonics of one function of a disassembly."""
    found = re.search(rf"^[0-9a-f]+ <{name}>:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    return [line.split("\t")[1].strip() for line in found[1].splitlines() if "\t" in line]


def main():
    text = subprocess.run([sys.argv[1], "-d", "--no-show-raw-insn", sys.argv[2]], check=True,
                          capture_output=True, text=True).stdout
    print(f"1..{len(FUNCTIONS)}")
    for number, (name, most) in enumerate(FUNCTIONS.items(), 1):
        ops = instructions(text, name)
        is_right = (1 <= ops.count("stlr") <= most and ops.count("dmb") <= 1
                    and not {"dsb", "isb"} & set(ops))
        print(f"{'ok' if is_right else 'not ok'} {number} - UMP004{number} one release store in "
              f"{name}, {len(ops)} instructions")


if __name__ == "__main__":
    main()
