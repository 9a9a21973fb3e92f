"""The limits of the language, in one place."""

WORD_BYTES = 8
MESSAGE_WORDS = 255            # header bits 32-39
MESSAGE_CAPS = 15              # header bits 40-43
CALLS_MAX = 8                  # calls in flight on one binding (aos/chan.h)
LEASE_MAX = 1 << 26            # bytes that one call can lend
LEASE_ALIGN = 64               # where a lent buffer begins in the region (aos/lend.h)
REGION_BYTES = 1 << 21         # of one binding, unless one call needs more
PAGE_BYTES = 4096
ORDINAL_MAX = 4095             # header bits 0-11; 0 is the framework's
ID_MIN, ID_MAX = 1, 1023       # errval_t: id:10 | code:6
ERROR_MAX = 63
VERSION_MAX = 0xffff
KEEP_MAX = 6                   # values of a request that judge its reply: BINDING_KEEP_MAX
WINDOW_MAX = 16                # items of a stream in flight: CHAN_WINDOW_MAX
ITEM_CAPS = 1                  # of an item
QUEUE_MAX = 64                 # queued events per binding
INVOKE_REGISTERS = 8           # x2-x9 in, x1-x8 out
CAPTYPES_MAX = 32              # masks of capability types are u32
RIGHTS = "rwxd"                # bit 0 first
NESTING_MAX = 16               # structs in structs, constants and aliases by way of others
OPERATORS_MAX = 32             # of one condition
DIGITS_MAX = 64                # of one number, underscores included
MEMBERS_MAX = 48               # ordinals of a table or union: the present bits of its first word
SPARE_WORDS = 8                # of a flexible table or union, beyond what the receiver knows
DEVICE_MAX = 1 << 32           # bytes of a register block
RESERVED_BITS = ("mbz", "mb1", "keep")
NAME_MAX = 48                  # characters of one name

INTS = {f"{'i' if signed else 'u'}{bits}": (bits, signed)
        for bits in (8, 16, 32, 64) for signed in (False, True)}
