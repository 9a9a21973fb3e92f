# What `aos debug` gives gdb: a way to connect, and symbols of domains.
set pagination off
set confirm off
set architecture aarch64
set print pretty on

define aos-connect
  target remote $arg0
  echo \nStopped before the first instruction. `hbreak kernel_main`, `continue`;\n
  echo `domain NAME` adds the symbols of a program or service, such as shell.\n\n
end
document aos-connect
aos-connect SOCKET: connects to the waiting machine.
end

define domain
  add-symbol-file $arg0.elf
end
document domain
domain NAME: adds the symbols of a program or service. All of them are linked at one address, so the
symbols of the latest one win; remove-symbol-file takes them away again.
end
