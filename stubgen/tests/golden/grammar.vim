" Made by stubgen: do not edit.
if exists("b:current_syntax")
  finish
endif

syn keyword stubgenDeclaration interface errors enum flags struct table union const alias object captype syscall device import
syn keyword stubgenMember id version error reserved call oneway event invoke size word reg array
syn keyword stubgenModifier strict flexible resource draft from stream
syn keyword stubgenClause requires ensures fails since deprecated window queue coalesce idempotent
syn keyword stubgenAttribute range pow2 counts rights retype map sideeffect shadow stride count little big
syn keyword stubgenMode move copy borrow lend user in out client server
syn keyword stubgenType u8 i8 u16 i16 u32 i32 u64 i64 bool string bytes strings cap cref slot any
syn keyword stubgenAccess rw ro wo w1c w1s rc mbz mb1 keep
syn keyword stubgenFunction len
syn match stubgenType "\<\u\w*\l\w*\>"
syn match stubgenOrdinal "@\d\+"
syn match stubgenNumber "\<\(0x[0-9a-fA-F_]\+\|\d[0-9_]*\)\(KiB\|MiB\|GiB\)\?\>"
syn match stubgenEscape "\\[\"\\]" contained
syn region stubgenString start=+"+ skip=+\\.+ end=+"+ oneline contains=stubgenEscape
syn match stubgenComment "//.*$" contains=@Spell
syn match stubgenDoc "///\(/\)\@!.*$" contains=@Spell

hi def link stubgenDeclaration Structure
hi def link stubgenMember Keyword
hi def link stubgenModifier StorageClass
hi def link stubgenClause Statement
hi def link stubgenAttribute Statement
hi def link stubgenMode StorageClass
hi def link stubgenType Type
hi def link stubgenAccess Constant
hi def link stubgenFunction Function
hi def link stubgenOrdinal Label
hi def link stubgenNumber Number
hi def link stubgenEscape SpecialChar
hi def link stubgenString String
hi def link stubgenComment Comment
hi def link stubgenDoc SpecialComment

setlocal commentstring=//\ %s comments=:///,://
let b:current_syntax = "if"
