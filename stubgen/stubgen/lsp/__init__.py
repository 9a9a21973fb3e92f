"""The language server: `protocol` frames messages, `server` answers them, `workspace` knows open
files, `features` finds what stands at a place."""
