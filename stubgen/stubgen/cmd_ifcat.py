"""`stubgen ifcat`: recorded messages as named calls with arguments, results, errors and times."""
import struct
import sys

from . import tracefile
from .cli import USAGE_ERROR, compile_args, takes_files

PCAP_HEAD = struct.Struct("<IHHIIII")
PCAP_PACKET = struct.Struct("<IIII")
PCAP_NS_MAGIC = 0xa1b23c4d     # libpcap's file format with times in nanoseconds
LINKTYPE_USER0 = 147


def arguments(parser):
    takes_files(parser)
    parser.add_argument("--trace", metavar="FILE", default="-",
                        help="the recording: what a console said, or a ring; -: standard input")
    parser.add_argument("--pcap", metavar="OUT", help="write a capture for Wireshark, too")


def run(args):
    compiled = compile_args(args)
    if compiled is None:
        return 1
    try:
        data = sys.stdin.buffer.read() if args.trace == "-" else _read(args.trace)
        return _show(args, compiled[0], data)
    except OSError as error:
        print(f"stubgen: {error}", file=sys.stderr)
        return USAGE_ERROR


def _show(args, build, data):
    try:
        found = tracefile.records(data)
    except tracefile.Damaged as error:
        print(f"{args.trace}: {error}", file=sys.stderr)
        return 1
    decoder, before = tracefile.Decoder(build), {}
    for record in found:
        gap = record.number - before.get(record.pid, record.number - 1) - 1
        if gap > 0:
            print(f"... {gap} messages were not recorded")
        before[record.pid] = record.number
        print(decoder.line(record))
    if args.pcap:
        with open(args.pcap, "wb") as out:
            out.write(pcap(found))
    return 0


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def pcap(records):
    """A capture whose packets are the records as they are."""
    out = PCAP_HEAD.pack(PCAP_NS_MAGIC, 2, 4, 0, 0, 65535, LINKTYPE_USER0)
    for record in records:
        seconds, ns = divmod(record.time_ns, 10**9)
        out += PCAP_PACKET.pack(seconds & 0xffffffff, ns, len(record.raw), len(record.raw))
        out += record.raw
    return out
