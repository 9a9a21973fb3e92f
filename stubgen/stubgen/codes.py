"""Every diagnostic code: the pass that reports it, a title, and what `stubgen explain` says.

Codes are stable: a number is never used again for something else. The first two digits are the
pass."""


class Code:
    def __init__(self, pass_name, title, text):
        self.pass_name = pass_name
        self.title = title
        self.text = text


_PASSES = {"01": "lex", "02": "parse", "03": "imports", "04": "names", "05": "types",
           "06": "bounds", "07": "ids", "08": "errors", "09": "clauses", "10": "abi",
           "11": "cnames", "13": "devices", "20": "fmt", "21": "frozen"}
_LINT = "lint"             # the pass of all codes that begin with W

_TEXTS = {
    "E0101": ("unexpected character",
              "The language uses ASCII words, numbers, strings in double quotes and the signs { } "
              "( ) [ ] < > ; : , = @ ? | . .. -> && + - * and comparisons. Comments begin with "
              "//."),
    "E0102": ("malformed number",
              "Numbers are decimal or 0x hexadecimal, with `_` between digits if you like. A unit "
              "is glued on: 64KiB, 1MiB, 2GiB."),
    "E0103": ("number too large",
              "Numbers have at most 64 bits."),
    "E0104": ("unknown escape",
              "Strings know \\\" and \\\\ only."),
    "E0105": ("unterminated string",
              "A string ends on the line where it begins."),
    "E0201": ("missing semicolon",
              "Every declaration that does not end in a block ends in `;`."),
    "E0202": ("unexpected token",
              "The message says what the grammar expects at this place."),
    "E0203": ("unknown word",
              "A word that means nothing here is an error, never ignored."),
    "E0204": ("stray doc comment",
              "/// documents the declaration, member, parameter or value right after it. An "
              "ordinary remark begins with //."),
    "E0205": ("wrong kind of file",
              "Devices stand in .dev files, all else in .if files. Types may stand in both."),
    "E0206": ("late import",
              "Imports come before all declarations."),
    "E0207": ("unclosed block",
              "A `{` has no matching `}`."),
    "E0209": ("part given twice",
              "This part may be given only once."),
    "E0210": ("oneway or event with results",
              "Nobody answers a oneway or an event."),
    "E0211": ("capability without a mode",
              "`move` gives the capability away, `copy` shares it, `borrow` lends it until the "
              "reply. Ownership always stands in the type."),
    "E0212": ("condition too long",
              "A condition has at most 32 operators. It is checked for every message: keep it "
              "simple."),
    "E0301": ("import not found",
              "An import names a file relative to the one it stands in, or one that stubgen was "
              "given, by its name."),
    "E0302": ("import cycle",
              "Files may not import each other in a circle."),
    "E0303": ("duplicate import",
              "One import per file is enough."),
    "E0304": ("two files of one name",
              "A file's stem is the namespace of its declarations, so two files of a build cannot "
              "share it."),
    "E0401": ("naming style",
              "Types and capability types are CamelCase, constants and registers UPPER_CASE, all "
              "else snake_case."),
    "E0402": ("duplicate declaration",
              "A name is declared once in its scope."),
    "E0403": ("duplicate parameter",
              "Parameters and results of a method share one scope: they are arguments of the same "
              "C function."),
    "E0404": ("unknown name",
              "The name is not declared in this interface, this file or the named imported file."),
    "E0405": ("unknown namespace",
              "The part before the dot is an imported file's stem or an interface of this file."),
    "E0406": ("wrong kind of name",
              "A constant stands where a type is needed, or the reverse."),
    "E0407": ("unknown interface",
              "`client` and `server` take an interface, or `any`."),
    "E0408": ("name too long",
              "Names become parts of C identifiers and are kept short."),
    "E0502": ("constant of the wrong type",
              "A constant is an integer or a string, as its type says."),
    "E0503": ("circular constant",
              "A constant may not depend on itself."),
    "E0504": ("circular type",
              "A type may not contain itself: messages are bounded."),
    "E0505": ("struct with capabilities",
              "A struct, table or union that holds capabilities or channel ends is marked "
              "`resource`, so that a reader sees it."),
    "E0506": ("resource struct without capabilities",
              "`resource` is only for structs, tables and unions that hold capabilities or channel "
              "ends."),
    "E0507": ("array of arrays or optionals",
              "Elements of an array are single values; put them in a struct to nest further. "
              "Invocations have no arrays."),
    "E0508": ("misplaced `?`",
              "Parameters, results and fields of structs can be optional, once. Every field of a "
              "table may be absent, and a union has one, so theirs are not."),
    "E0509": ("type not for messages",
              "crefs, slots and user buffers belong to kernel invocations, lent buffers to the "
              "parameters of calls."),
    "E0510": ("type not for invocations",
              "Invocations travel in registers: integers, enums, crefs, slots and user buffers. "
              "Results are integers."),
    "E0511": ("misplaced lend",
              "A caller lends a buffer for the duration of a call; nothing is lent in results, "
              "oneways and events."),
    "E0512": ("misplaced borrow",
              "A borrowed capability is given back with the reply, so only calls borrow, and only "
              "in parameters."),
    "E0513": ("bad base type",
              "Enums are held by an integer type, flags by an unsigned one."),
    "E0514": ("unknown kind of capability",
              "Kinds are the captypes of the build, as declared or in lower case, or `any`."),
    "E0515": ("bad rights",
              "Rights are letters out of r w x d, each once."),
    "E0516": ("empty struct",
              "A struct, table or union has at least one field."),
    "E0517": ("nested too deeply",
              "Structs, tables and unions nest at most 16 deep, and constants and aliases lead to "
              "their value over at most 16 others."),
    "E0601": ("empty range",
              "A range is written lowest..highest, both inclusive."),
    "E0602": ("range beyond the type",
              "Both bounds of a range are values of the type."),
    "E0603": ("constraint does not apply",
              "`range` needs an integer, `pow2` an unsigned one."),
    "E0604": ("zero bound",
              "A buffer, array or enum that can never hold anything is a mistake."),
    "E0605": ("value beyond the type",
              "The value does not fit the declared integer type."),
    "E0606": ("duplicate enum value",
              "One encoding per value: two names cannot share one."),
    "E0607": ("flag is not one bit",
              "Each flag is a single bit."),
    "E0608": ("message too large",
              "A message has at most 255 words. Bulk data is lent: `buf: lend in bytes<1MiB>`."),
    "E0609": ("too many capabilities",
              "A message carries at most 15 capabilities."),
    "E0610": ("too much lent",
              "One call lends at most 64 MiB, all its buffers together: its caller pays for the "
              "region they stand in."),
    "E0611": ("event with capabilities",
              "An event may be merged with a newer one or dropped, and goes to many clients, so it "
              "carries no capabilities and channel ends."),
    "E0701": ("missing id",
              "Interfaces and error sets have an id, unique in the build."),
    "E0702": ("id out of range",
              "Ids are 1 to 1023: 1 to 15 for the system itself, 768 and up for trees outside this "
              "one."),
    "E0703": ("duplicate id",
              "Ids name the origin of an error, so they are unique in a build."),
    "E0704": ("missing or bad version",
              "Every interface has `version N;`, from 1 on."),
    "E0705": ("ordinal out of range",
              "Ordinals are 1 to 4095; 0 belongs to the framework. System calls begin at 0. The "
              "fields of tables and unions have 1 to 48."),
    "E0706": ("duplicate ordinal",
              "Calls, oneways and events of an interface share the ordinals."),
    "E0707": ("reserved ordinal",
              "A reserved ordinal once belonged to a removed member."),
    "E0708": ("impossible since or deprecated",
              "`since` is between 1 and the interface's version, `deprecated` not before `since`."),
    "E0709": ("empty reserved range",
              "A range is written lowest..highest."),
    "E0801": ("error number out of range",
              "Error numbers are 1 to 63."),
    "E0802": ("duplicate error number",
              "Every error of a set has its own number."),
    "E0803": ("missing message",
              "Every error says in words what went wrong."),
    "E0804": ("bad `error from`",
              "`error from` names an interface that declares errors, in this file or of the same "
              "name as an imported file, or an `errors` block there."),
    "E0805": ("unknown error",
              "`fails` lists errors of the interface's error set; invocations use the `errors` "
              "blocks of their file and its imports."),
    "E0806": ("error listed twice",
              "`fails` lists every error once."),
    "E0807": ("ambiguous error",
              "Two error sets in reach have an error of this name."),
    "E0901": ("clause does not apply",
              "A clause that has no meaning for this kind of member is an error, never ignored."),
    "E0902": ("clause given twice",
              "Only `requires` and `ensures` may be repeated."),
    "E0903": ("coalesce and queue",
              "Unread events are either merged into the newest or queued."),
    "E0904": ("unknown parameter",
              "Conditions are about parameters, results and constants."),
    "E0905": ("result in requires",
              "`requires` is checked before the call is made."),
    "E0906": ("operand is not an unsigned integer",
              "Conditions are computed in u64, from whole parameters and results."),
    "E0907": ("no length",
              "len() applies to buffers, strings and arrays of varying size."),
    "E0908": ("counts what?",
              "`n: u32 counts buf` gives the valid bytes of the lent buffer `buf`."),
    "E0909": ("uncounted lent buffer",
              "A `lend out` buffer needs a result that tells how many of its bytes are valid."),
    "E0910": ("bad count",
              "`counts` stands at a result of type u32 or u64."),
    "E0911": ("counted twice",
              "One result counts a buffer."),
    "E0912": ("bad queue",
              "An event queue holds 1 to 64 events per binding."),
    "E0913": ("event without coalesce or queue",
              "An event says what happens when it is raised again before it is read: `coalesce` "
              "keeps the newest, `queue N` keeps N and sets lost."),
    "E0914": ("reply judged by too much",
              "Until the reply of a call comes, 6 values of its request are kept to judge it: "
              "parameters and lengths in `ensures`, and two for each `lend out`."),
    "E0915": ("bad window",
              "A stream tells how many items may be sent before the receiver has read one: "
              "`window N`, 1 to 16."),
    "E1001": ("object without captype",
              "An object names the capability types it is invoked on."),
    "E1002": ("unknown capability type",
              "Capability types are named as their captype declares them."),
    "E1003": ("captype with two objects",
              "The methods of a capability type stand in one object."),
    "E1004": ("too many registers",
              "Arguments travel in x2 to x9, results in x1 to x8; a user buffer takes two."),
    "E1005": ("bad rights",
              "Rights are letters out of r w x d, each once."),
    "E1006": ("too many capability types",
              "Sets of capability types are 32-bit masks."),
    "E1101": ("C name collision",
              "stubgen computes every C identifier of a build; two declarations would become the "
              "same one."),
    "E1102": ("reserved suffix",
              "_begin _end _cb _bind _close are the suffixes of generated functions."),
    "E1103": ("headers in a circle",
              "Each interface has a C header, and so have the types at file level; one includes "
              "the other where it uses its types or errors, and never the other way round as "
              "well."),
    "E1104": ("two C files of one name",
              "An interface becomes NAME.h, NAME_client.c, NAME_server.h and more, the types at "
              "file level FILE_types.h. The names of these files are distinct in a build."),
    "E1301": ("incomplete device",
              "A device tells the size of its register block and its word, u8 to u64, which is the "
              "width of its registers. A block with registers of two widths is two devices over "
              "the same addresses, one a width."),
    "E1302": ("bad size of a device",
              "The size of a register block is a multiple of its word, and at most 4 GiB."),
    "E1303": ("register outside the block",
              "A register, and every one of an array, ends within the size of its device."),
    "E1304": ("misaligned register",
              "Offsets and strides are multiples of the word."),
    "E1305": ("overlapping registers",
              "No two registers of a device share an address. What an address means when it is "
              "read and when it is written may differ: that is two devices."),
    "E1306": ("bad array",
              "An array has at least one register, and its stride is not 0."),
    "E1307": ("empty register",
              "A register says what its bits mean: it has at least one named field."),
    "E1308": ("field outside the register",
              "Bits are counted from 0, the lowest, to one less than the width of the word, and "
              "written highest..lowest."),
    "E1309": ("overlapping fields",
              "A bit belongs to one field."),
    "E1310": ("hole in a register",
              "A register that names reserved bits (mbz, mb1, keep) names all of them, so that a "
              "forgotten field is found. In one that names none, all other bits are mbz."),
    "E1311": ("field against its register",
              "In an rw register a field has any access; in an ro register it is ro or rc, in a wo "
              "register wo, in any other the register's own or ro."),
    "E1312": ("reserved bits with access or type",
              "Nobody reads or writes reserved bits, so they have neither."),
    "E1313": ("bad type of a field",
              "A field is an integer or, with a type, an enum or flags on an unsigned integer, "
              "declared at the top of a .dev file."),
    "E1314": ("type wider than its field",
              "Every value of the type fits the bits of the field."),
    "E1315": ("keep without reading",
              "`keep` bits are written as they were read, so the register must be readable without "
              "side effects, and have no shadow."),
    "E1316": ("attribute does not apply",
              "`sideeffect` says that reading changes the device, so the register is readable; "
              "`shadow` keeps what was last written, so the register is rw or wo. Each stands "
              "once."),
    "E1317": ("reserved name",
              "Names that begin with dev_ belong to the support code of all devices."),
    "E1318": ("type of no use in a device file",
              "Beside devices a .dev file has constants, enums and flags: a register holds nothing "
              "else."),
    "E2001": ("not formatted",
              "Files of the tree have one look, which `stubgen fmt` gives them."),
    "E2101": ("version never frozen",
              "An interface that is not a draft is released: `stubgen freeze` keeps its text in "
              "idl/frozen, and every build compares with it."),
    "E2102": ("damaged released version",
              "Files in idl/frozen are written by `stubgen freeze` and never changed: their hash "
              "is what peers exchange when they bind."),
    "E2103": ("another version under a released number",
              "Peers of the same version and another hash refuse each other. Changes, also allowed "
              "ones, go into a new version."),
    "E2104": ("version not newer than the released one",
              "Versions count up, and a released one does not become a draft again."),
    "E2105": ("id changed or taken over",
              "The id of an interface stays with its name."),
    "E2106": ("member removed",
              "Older clients use it. `deprecated N` says that nobody should begin to."),
    "E2107": ("member changed",
              "Name, kind, ordinal and all that peers rely on stay as they were released."),
    "E2108": ("image changed",
              "Parameters, results and structs freeze on release: names, order and types. What is "
              "new goes into a table, or into a member with an ordinal of its own."),
    "E2109": ("request constraint tightened",
              "Ranges, `pow2`, `requires`, and kinds and rights of capabilities in requests may "
              "only become looser."),
    "E2110": ("result constraint loosened",
              "Ranges, `pow2`, `ensures`, and kinds and rights of capabilities in results and "
              "events may only become tighter."),
    "E2111": ("new error of an old method",
              "A client takes an error that it does not know for a bad reply."),
    "E2112": ("error changed",
              "Errors that methods fail with keep set, number and name."),
    "E2113": ("value changed",
              "Values of enums and flags keep their number. Only flexible ones get new values."),
    "E2114": ("field of a table changed",
              "Fields of tables and unions keep ordinal, name and type. Only flexible ones get "
              "new ones, with ordinals above all released ones, and without capabilities."),
    "E2115": ("table grown too much",
              "Receivers of every released version have room for 8 words more than they know."),
    "E2116": ("reserved ordinal given up",
              "What is reserved in a released version stays reserved."),
    "E2117": ("new member without `since`",
              "`since N` makes a new client fail at once, and locally, when its server is older."),
    "W0101": ("undocumented interface",
              "The reference pages are made of the comments in the interface."),
    "W0102": ("undocumented member",
              "The reference pages are made of the comments in the interface."),
    "W0201": ("size without a range",
              "A generated check costs the server nothing, and everybody sees the limit."),
    "W0202": ("bool parameter",
              "At the place of the call, `true` says nothing, and a third case cannot be added."),
    "W0203": ("time without a unit",
              "Units stand last in a name: `timeout_ns`."),
    "W0301": ("name says it twice",
              "Generated functions begin with the name of the interface."),
    "W0302": ("error as a result",
              "Every reply is a success or an error: results are there only in success."),
    "W0303": ("filler",
              "The compiler pads; fields kept for later freeze with the rest. Tables evolve."),
    "W0401": ("deprecated without a successor",
              "Who is told not to use a member wants to know what to use."),
    "W0402": ("reference to a deprecated member",
              "Comments send the reader to what is to be used."),
    "W0501": ("unused error",
              "An error that no method lists cannot come back: it would be a bad reply."),
    "W0502": ("unused type",
              "A type of an interface that is in none of its messages."),
    "W0601": ("sparse ordinals",
              "Clients and servers have tables with an entry per ordinal."),
    "W0701": ("bad `allow`",
              "`// allow W0202: why` allows a warning in the declaration that follows, or on its "
              "line. The reason is required."),
    "W0702": ("`allow` without effect",
              "What is allowed is not there (any more)."),
}


def _pass(code):
    return _LINT if code.startswith("W") else _PASSES[code[1:3]]


CODES = {code: Code(_pass(code), title, text) for code, (title, text) in _TEXTS.items()}
