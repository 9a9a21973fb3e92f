"""check_stores.py OBJDUMP OBJECT: the short way of a UMP call stores with release once, and has no
barrier but the one that emulators need (ump_ring.h). Prints TAP."""
import re
import subprocess
import sys

FUNCTIONS = ("ump_ring_send", "ump_serve_disabled", "ump_call_short")


def instructions(text, name):
    """The mnemonics of one function of a disassembly."""
    found = re.search(rf"^[0-9a-f]+ <{name}>:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    return [line.split("\t")[1].strip() for line in found[1].splitlines() if "\t" in line]


def main():
    text = subprocess.run([sys.argv[1], "-d", "--no-show-raw-insn", sys.argv[2]], check=True,
                          capture_output=True, text=True).stdout
    print(f"1..{len(FUNCTIONS)}")
    for number, name in enumerate(FUNCTIONS, 1):
        ops = instructions(text, name)
        is_right = (ops.count("stlr") == 1 and ops.count("dmb") <= 1
                    and not {"dsb", "isb"} & set(ops))
        print(f"{'ok' if is_right else 'not ok'} {number} - UMP004{number} one release store in "
              f"{name}, {len(ops)} instructions")


if __name__ == "__main__":
    main()
