"""rpctrace: the messages of a running domain, live."""
import re
import subprocess
import sys
from pathlib import Path

CTRL_C, INTERRUPTED = '\x03', 130
ROOT = Path(__file__).resolve().parents[3]

LINE = re.compile(r'^(\d+\.\d{9}) (->|<-) (\S+) +(\w+) +(\S+?)(?: (.*?))?(?: \((\d+) ns\))?$')


def messages(text):
    """(direction, peer, kind, method, values, has a time) of what was printed."""
    found = [LINE.match(line) for line in text.splitlines()]
    return [(m[2], m[3], m[4], m[5], m[6] or '', m[7] is not None) for m in found if m]


def test_rpct0101_calls_of_a_service_with_arguments_results_and_errors(run):
    result = run('rpctrace 2 nslookup serial nosuch', 'nslookup serial')
    seen = messages(result.stdout)
    assert result.statuses == [1, 0]
    describe = [m[1:] for m in seen if m[3] == 'nameserver.describe']
    shell = describe[0][0]
    assert describe == [
        (shell, 'call', 'nameserver.describe', 'name="serial"', False),
        (shell, 'reply', 'nameserver.describe', 'pid=4 iface=19 props=["kind=pl011"]', True),
        (shell, 'call', 'nameserver.describe', 'name="nosuch"', False),
        (shell, 'error', 'nameserver.describe', 'nameserver: not_found', True)]
    assert [m[0] for m in seen if m[3] == 'nameserver.describe'] == ['<-', '->'] * 2
    times = [float(m[0]) for line in result.stdout.splitlines() if (m := line.split(' '))
             and LINE.match(line)]
    assert times == sorted(times) and 'nslookup' not in result.stdout


def test_rpct0102_the_client_side_and_one_that_ends(run):
    """The shell itself: it starts a program and waits for its end."""
    result = run('rpctrace 16 hello a', 'rpctrace 16 args --status 3')
    seen = messages(result.stdout)
    assert result.statuses == [0, 3]
    spawn = [m for m in seen if m[3] == 'process.launch' and 'hello' in m[4]]
    assert spawn[0][:3] == ('->', '-', 'call') and 'args=["hello", "a"]' in spawn[0][4]
    ends = [m[4] for m in seen if m[3] == 'process.wait' and m[2] == 'reply']
    assert re.match(r'who=\d+ exit={kind=exited, status=0, ', ends[0])
    assert re.match(r'who=\d+ exit={kind=exited, status=3, ', ends[1])


def test_rpct0103_it_takes_a_right_and_ends_with_the_command(run):
    result = run('rpctrace 0', 'rpctrace 99', 'rpctrace', 'rpctrace x',
                 'ifcall process.trace pid=2 tracing=on', 'rpctrace 3 echo quiet', 'rpctrace 3 ps',
                 'meminfo')
    assert result.statuses == [1, 1, 2, 2, 1, 0, 0, 0]
    assert 'process: no_pid' in result.stderr and 'process: denied' in result.stderr
    assert 'process.pids after=0' in result.stdout


def test_rpct0104_the_host_reads_the_same_in_the_raw_form(run):
    result = run('rpctrace -x 2 nslookup serial')
    idl = ROOT / 'idl'
    command = [sys.executable, ROOT / 'stubgen/stubgen.py', 'ifcat', *idl.glob('if/*.if'), '--with',
               *idl.glob('abi/*.if')]
    said = subprocess.run(command, input=result.stdout, capture_output=True, text=True, check=True)
    assert [m[2:5] for m in messages(said.stdout)] == [
        ('call', 'nameserver.describe', 'name="serial"'),
        ('reply', 'nameserver.describe', 'pid=4 iface=19 props=["kind=pl011"]')]


def test_rpct0105_live_until_ctrl_c_and_until_the_end(terminal):
    """What the process service is asked while somebody watches it is seen as it happens."""
    terminal.type('rpctrace 3\r')
    for _ in range(2):
        terminal.expect(r'<- 16  call   process\.describe pid=3\s')
    terminal.type(CTRL_C)
    terminal.prompt()
    assert terminal.status == INTERRUPTED
    assert terminal.run('rpctrace 3 echo hi').startswith('hi\n')
    job = re.search(r'\[1\] (\d+)', terminal.run('args --status 5 &'))[1]
    terminal.run(f'rpctrace {job}')        # it has ended, or ends: no Ctrl-C is needed
    assert terminal.status in (0, 1)


def test_rpct0106_a_program_on_another_core(run):
    """What it says at its start is still there; it leaves its core while it is looked at, and the
    ring goes with it."""
    result = run('oncore 1 stay 3 &', 'rpctrace 25 sleep 0.2', 'rpctrace 25 core off 1 --ask',
                 'wait', 'echo alive', smp=2, icount=True)
    assert '[1] 25\n' in result.stdout
    assert result.statuses == [0, 0, 0, 3, 0], result.stderr
    assert any(m[3].startswith('process.') for m in messages(result.stdout))
