#!/usr/bin/env python3
"""How much stack libaos takes where a stack must not grow (aos/dispatch.h, libaos/mem/mem_priv.h).

stackdepth.py OBJDUMP ELF NAME=BYTES...

NAME is `disabled` (from entering a disabled section on) or `memory` (under the memory lock), BYTES
is what the code touches beforehand. Reads the disassembly, so assembly counts as well as C: the
frame of each function is the sum of what it subtracts from SP, and a call adds the frame of what is
called. Prints the deepest way of each kind; fails if one takes more than is touched, or if nothing
was found that touches so many bytes. Of a function that touches, what it has taken before does not
count."""

import functools
import re
import subprocess
import sys

# Called through pointers while disabled: by the timers, and by channels the carriers.
TIMERS = re.compile(r"(_fire_disabled|^block_timeout)$")
CARRIERS = re.compile(r"^ump_\w+_disabled$")
# What a function that enables in its middle calls before it does.
DISABLED = re.compile(r"(_disabled(\.\w+)*$|^thread_(switch|load|block|wake)|^sched_|^arch_"
                      r"|^timer_|^upcall_handle$|^binding_enter|^fault_(fp|enter))")
ENABLES = "disp_enable_pending"
MEMORY = re.compile(r"^(mem|ram|slot|recv_slot|paging|table|ranges|tree|slab|space|bitmap|cap|"
                    r"store|part|region|lazy|cow|fill)_")
# These do not come back: a panic while disabled says nothing (aos_panic).
ENDS = {"aos_panic", "domain_exit", "__stack_chk_fail", "fault_enter"}
# The memory lock is free while the source of RAM runs.
UNLOCKED = {"ram_refill", "ram_return_chunks"}


class Function:
    """One function: bytes of its frame, names of what it calls, bytes it touches below SP."""

    def __init__(self):
        self.frame = 0
        self.later = 0               # of it, what comes after the first touch
        self.calls = set()
        self.indirect = False
        self.touches = set()


def parse(lines):
    """Functions by name."""
    functions, name, below = {}, None, {}
    for line in lines:
        head = re.match(r"[0-9a-f]+ <([^>]+)>:$", line)
        if head:
            name, below = head[1], {}
            functions[name] = Function()
            continue
        text = line.split("\t", 1)[-1].strip() if "\t" in line else ""
        if not text or name is None:
            continue
        f = functions[name]
        push = re.search(r"\[sp, #-(\d+)\]!", text) or re.match(r"sub\s+sp, sp, #(\w+)", text)
        if push:
            size = int(push[1], 0) << (12 if "lsl #12" in text else 0)
            f.frame += size
            f.later += size if f.touches else 0
        probe = re.match(r"sub\s+(x\d+), sp, #(\w+)", text)
        if probe:
            below[probe[1]] = int(probe[2], 0)
        touch = re.match(r"str\s+xzr, \[(x\d+)\]", text)
        if touch and touch[1] in below:
            f.touches.add(below[touch[1]])
        call = re.match(r"(bl?|b\.\w+|cbn?z\s+\w+,|tbn?z\s+.*,)\s+[0-9a-f]+ <([^>+]+)>", text)
        if call and call[2] != name:
            f.calls.add(call[2])
        f.indirect |= bool(re.match(r"blr\b", text))
    return functions


class Depth:
    """Deepest ways through the call graph."""

    def __init__(self, functions, disabled):
        self.functions, self.disabled, self.path = functions, disabled, []

    def pointed_to(self, name):
        """What an indirect call in `name` may reach."""
        if TIMERS.search(name) or CARRIERS.search(name):
            return []
        targets = TIMERS if name.startswith("timer_") else CARRIERS
        return [n for n in self.functions if targets.search(n)]

    @functools.lru_cache(None)
    def of(self, name):
        """(bytes, way) from the entry of `name` on."""
        f = self.functions.get(name)
        if f is None or name in self.path:
            return 0, ()
        best = (0, ())
        if name not in ENDS:
            self.path.append(name)
            enables = self.disabled and ENABLES in f.calls
            for callee in sorted(f.calls):
                if callee == ENABLES and self.disabled:
                    continue                     # it touches its stack itself
                if enables and not DISABLED.search(callee):
                    continue
                if not self.disabled and name in UNLOCKED and not MEMORY.match(callee):
                    continue
                best = max(best, self.of(callee))
            if f.indirect and self.disabled:
                best = max([best] + [self.of(n) for n in self.pointed_to(name)])
            self.path.pop()
        return f.frame + best[0], ("%s %d" % (name, f.frame),) + best[1]


def main():
    """Returns the exit status."""
    objdump, elf = sys.argv[1:3]
    listing = subprocess.run([objdump, "-d", "--no-show-raw-insn", elf], check=True,
                             capture_output=True, text=True).stdout
    functions = parse(listing.splitlines())
    failed = False
    for limit in sys.argv[3:]:
        kind, touched = limit.split("=")
        touched = int(touched)
        disabled = kind == "disabled"
        roots = [n for n, f in functions.items() if touched in f.touches]
        if not roots:
            print("not ok: nothing touches %d bytes" % touched)
            failed = True
            continue
        if not disabled:
            roots = [n for n in functions if MEMORY.match(n)]
        depth = Depth(functions, disabled)
        worst = (0, ())
        for root in roots:
            if disabled and ENABLES not in functions[root].calls:
                # it hands over to something that enables, or runs the loop of servers
                functions[root].calls.add(ENABLES)
            total, way = depth.of(root)
            if disabled:
                total -= functions[root].frame - functions[root].later
            worst = max(worst, (total, way))
        print("%s %s: %d of %d bytes: %s" % ("ok" if worst[0] <= touched else "not ok", kind,
                                             worst[0], touched, ", ".join(worst[1])))
        failed |= worst[0] > touched
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
