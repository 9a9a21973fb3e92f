"""The fixed corpus that stubgen's speed is measured with: 12 interfaces of 15 methods, which use
what interfaces of the tree use. `corpus.py FOLDER` writes it."""
import os
import sys

INTERFACES = 12
FIRST_ID = 0x320

TEXT = """/// Service {n} keeps records under names. Everything here is made up; what
/// counts is that it looks like an interface of the tree.
interface store{n} {{
  id {id:#x}; version 1;
  error {{
    absent = 1 "there is no such record";
    full = 2 "there is no room for another record";
    denied = 3 "this domain may not do this";
    busy = 4 "somebody else uses the record";
  }}
  const NAME_MAX: u32 = {name_max};
  flags Mode : u32 {{ read = 0x1; write = 0x2; grow = 0x4; }}
  enum Kind : u8 {{ plain = 1; folder = 2; link = 3; }}
  /// What is known of a record without reading it.
  struct Stat {{ kind: Kind; size: u64; owner: u32; changed: u64; mode: Mode; }}
  struct Entry {{ name: string<NAME_MAX>; kind: Kind; }}

  /// Opens the record `name`. The handle is good until `release`.
  call open @1 (name: string<NAME_MAX>, mode: Mode) -> (handle: u32, size: u64)
      fails absent, full, denied;
  /// Gives the handle back.
  call release @2 (handle: u32) fails absent;
  call stat @3 (name: string<NAME_MAX>) -> (stat: Stat) fails absent;
  call stat_all @4 (handles: u32[<=8]) -> (stats: Stat[<=8]) fails absent;
  /// Reads from `off` on. Less than asked for: that was the end.
  call read @5 (handle: u32, off: u64, buf: lend out bytes<1024>) -> (n: u32 counts buf)
      fails absent idempotent;
  call write @6 (handle: u32, off: u64, buf: lend in bytes<1024>) -> (n: u32 counts buf)
      fails absent, full;
  /// The entries after `after`, ascending. None: that was all.
  call list @7 (after: string<NAME_MAX>?) -> (entries: Entry[<=6]);
  call rename @8 (from: string<NAME_MAX>, to: string<NAME_MAX>) fails absent, denied;
  call resize @9 (handle: u32, size: u64 range 0..{most}) -> (actual: u64)
      ensures actual >= size fails absent, full;
  /// Takes memory for more records.
  call grow @10 (ram: move cap<ram, rw>, bytes: u64 pow2) -> (records: u32) fails denied;
  call share @11 (handle: u32) -> (frame: copy cap<frame, r>, size: u64) fails absent;
  call stats @12 () -> (used: u64, free: u64, records: u32, busy: bool);
  /// Writes everything to where it lasts.
  oneway sync @13 (handle: u32);
  event changed @14 (handle: u32, size: u64) coalesce;
  event removed @15 (name: string<NAME_MAX>, kind: Kind) queue 8;
}}
"""


def text(number):
    """Interface `number` of the corpus; their bounds differ, so that none is like another."""
    return TEXT.format(n=number, id=FIRST_ID + number, name_max=31 + 8 * (number % 4),
                       most=f"{1 << (20 + number):#x}")


def write(folder):
    """Writes the corpus; returns the paths."""
    os.makedirs(folder, exist_ok=True)
    paths = []
    for number in range(INTERFACES):
        paths.append(os.path.join(folder, f"store{number}.if"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text(number))
    return paths


if __name__ == "__main__":
    write(sys.argv[1])
