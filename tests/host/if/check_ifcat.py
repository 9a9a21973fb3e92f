"""check_ifcat.py PROGRAM INTERFACE.if CONTEXT.if...: what the program records (`test_record.c`,
dump) is decoded by `stubgen ifcat`, and, if tshark is there, by the generated dissector from the
capture that ifcat writes. Prints TAP."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
STUBGEN = [sys.executable, os.path.join(ROOT, "stubgen", "stubgen.py")]
NOBODY = 65534

# arrow, peer, kind, method, values; the time of an answer is in the order of its place
CALLS = """
-> -  call   one value=4660
<- 0  call   one value=4660
-> 0  reply  one value_out=18446744073709546955 (100 ns)
<- -  reply  one value_out=18446744073709546955 (300 ns)
-> -  call   ints a=1 b=-2 c=3 d=-4 e=5 f=-6 g=7 h=-8 i=true
<- 0  call   ints a=1 b=-2 c=3 d=-4 e=5 f=-6 g=7 h=-8 i=true
-> 0  reply  ints sum=-3 (100 ns)
<- -  reply  ints sum=-3 (300 ns)
-> -  call   short name="a \\"b\\""
<- 0  call   short name="a \\"b\\""
-> 0  reply  short upper="A \\"B\\"" (100 ns)
<- -  reply  short upper="A \\"B\\"" (300 ns)
-> -  call   ranges 0x100000004 0x1 0x0 0x1
<- 0  call   ranges 0x100000004 0x1 0x0 0x1
-> 0  error  ranges rpc: malformed (100 ns)
<- -  error  ranges rpc: malformed (300 ns)
-> -  oneway poke value=7
<- 0  oneway poke value=7
-> -  oneway post text="XS"...
<- 0  oneway post text="XS"...
""".replace("XS", 72 * "x")
FIELDS = ["aos.kind", "aos.method", "aos.peer", "aos.sent", "aos.arg", "aos.error"]
SHOWN = {
    0: ["call", "one", "4294967295", "1", "value=4660", ""],
    5: ["call", "ints", "0", "0", "a=1|b=-2|c=3|d=-4|e=5|f=-6|g=7|h=-8|i=true", ""],
    6: ["reply", "ints", "0", "1", "sum=-3", ""],
    9: ["call", "short", "0", "0", 'name="a "b""', ""],
    12: ["call", "ranges", "4294967295", "1", "a=4|b=1|c=1|lo=0|hi=1", ""],
    15: ["error", "ranges", "4294967295", "0", "", "rpc: malformed"],
    17: ["oneway", "poke", "0", "0", "value=7", ""],
}


def words(line):
    return re.sub(" +", " ", line.strip())


def ifcat(folder, recording, files, context):
    command = STUBGEN + ["ifcat", "--trace", "-", "--pcap", os.path.join(folder, "out.pcap")]
    command += files + ["--with"] + context
    out = subprocess.run(command, input=recording, capture_output=True, text=True, timeout=60,
                         check=True)
    lines = [words(re.sub(r"^\d+\.\d{9} |kitchen_sink\.", "", line))
             for line in out.stdout.splitlines()]
    expected = [words(line) for line in CALLS.strip().splitlines()]
    return [(a, b) for a, b in zip(lines, expected) if a != b] or \
        ([] if len(lines) == len(expected) else [f"{len(lines)} lines"])


def tshark(folder, files, context):
    """What the dissector shows, as rows of FIELDS. Wireshark may refuse scripts of root."""
    subprocess.run(STUBGEN + ["gen", "--target", "wireshark", "--out", folder] + files + ["--with"]
                   + context, check=True)
    who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["tshark", "-X", f"lua_script:{folder}/aos.lua", "-r", f"{folder}/out.pcap", "-T",
               "fields", "-E", "separator=/t", "-E", "aggregator=|"]
    for field in FIELDS:
        command += ["-e", field]
    out = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                         cwd=folder, env={**os.environ, "HOME": folder}, **who)
    rows = [line.split("\t") for line in out.stdout.splitlines()]
    wrong = [(rows[i] if i < len(rows) else None, row) for i, row in SHOWN.items()
             if i >= len(rows) or [_bool(cell) for cell in rows[i]] != row]
    return wrong + ([out.stderr] if "Lua" in out.stderr or out.returncode else [])


def _bool(cell):
    """Booleans are 1 and 0, or True and False, by version."""
    return {"True": "1", "False": "0"}.get(cell, cell)


def main(program, interface, *context):
    recording = subprocess.run([program, "dump"], capture_output=True, text=True, timeout=60,
                               check=True).stdout
    has_tshark = shutil.which("tshark") is not None
    print(f"1..{1 + has_tshark}")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)      # tshark may be somebody else
        faults = ifcat(folder, "some line\n" + recording, [interface], list(context))
        verdict(1, faults, "RPCT0020 ifcat tells calls, arguments, errors and times")
        if has_tshark:
            shown = tshark(folder, [interface], list(context))
            verdict(2, shown, "RPCT0021 so does the dissector, in tshark")
            faults += shown
    return 1 if faults else 0


def verdict(number, faults, text):
    for fault in faults:
        print("#", fault)
    print(f"{'not ok' if faults else 'ok'} {number} - {text}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
