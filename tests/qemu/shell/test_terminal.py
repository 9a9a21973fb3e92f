"""The shell on a terminal: the line editor, the prompt, and ways to leave."""
import re
from contextlib import contextmanager

import machine as machines
import session
import uboot

UP, DOWN, LEFT, HOME, END, DELETE = '\x1b[A', '\x1b[B', '\x1b[D', '\x1b[H', '\x1b[F', '\x1b[3~'
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_K, CTRL_U, CTRL_W, CTRL_Z = (
    chr(ord(c) - 64) for c in 'ACDEKUWZ')
UP_TEXT = 'its services are up'


def test_term0001_commands_and_the_status_in_the_prompt(terminal):
    assert 'AOS build' in terminal.boot_log and 'Ctrl-]' in terminal.boot_log
    assert terminal.run('echo hi') == 'hi\n' and terminal.status == 0
    terminal.run('args --status 5')
    assert terminal.status == 5
    terminal.run('echo')
    assert terminal.status == 0


def test_term0002_editing(terminal):
    """Each line is made right by the editor before Return."""
    for typed, expected in (
            ('cho hi' + CTRL_A + 'e', 'hi\n'), ('echo hix\x7f', 'hi\n'),
            ('echo a b' + CTRL_W + 'c', 'a c\n'), ('rubbish' + CTRL_U + 'echo u', 'u\n'),
            ('echo kk and more' + LEFT * 9 + CTRL_K, 'kk\n'),
            ('cho' + HOME + 'e' + END + ' end', 'end\n'),
            ('eecho d' + HOME + DELETE, 'd\n'), ('echo ab' + LEFT + 'x', 'axb\n')):
        assert terminal.run(typed) == expected, repr(typed)


def test_term0003_history(terminal):
    terminal.run('echo one')
    terminal.run('echo two')
    assert terminal.run(UP + UP) == 'one\n'
    assert terminal.run(UP + UP + DOWN) == 'one\n'
    assert terminal.run(UP + UP + ' again') == 'two again\n'


def test_term0004_control_characters_are_the_guests(terminal):
    terminal.type('echo never' + CTRL_C)
    assert terminal.after_line() == ''
    assert terminal.run('echo fine') == 'fine\n'
    assert terminal.run(CTRL_A + 'echo a') == 'a\n'


def test_term0005_interrupting_a_program(terminal):
    terminal.type('fault hang\r')
    terminal.expect('\n')
    terminal.type(CTRL_C)
    terminal.prompt()
    assert terminal.status != 0
    assert terminal.run('echo back') == 'back\n'


def test_term0010_interrupting_what_is_built_in(terminal):
    """`sleep` and `wait` end, too, and what was waited for lives on."""
    job = re.search(r'\[1\] (\d+)', terminal.run('fault hang &'))[1]
    for command in ('sleep 100000', 'wait', f'wait {job} {job}'):
        terminal.type(command + '\r')
        terminal.expect('\n')
        terminal.type(CTRL_C)
        terminal.prompt()
        assert terminal.status == 130, command
    # The prompt tells it if the end comes before the wait.
    told = terminal.run(f'kill {job}') + terminal.run(f'wait {job}')
    assert f'killed (process {job})' in told
    terminal.run(f'wait {job}')
    assert terminal.status == 1


def test_term0011_stopping_and_going_on(terminal):
    """A program goes through all that can become of a job."""
    terminal.type('fault hang\r')
    terminal.expect('\n')
    terminal.type(CTRL_Z)
    pid = re.search(r'\[1\] (\d+) stopped  fault\n', terminal.prompt())[1]
    assert terminal.status == 148
    assert re.search(rf'^ *{pid} .* stopped ', terminal.run('ps'), re.M)
    assert terminal.run('jobs') == f'[1] {pid} stopped  fault\n'
    assert terminal.run('bg') == f'[1] {pid} running  fault\n'
    assert terminal.run('args --status 0 &').startswith('[2] ')
    terminal.run('wait %2')
    terminal.type('fg %1\r')
    terminal.expect('fault')
    terminal.type(CTRL_Z)
    assert f'[1] {pid} stopped  fault\n' in terminal.prompt()
    terminal.type('fg\r')
    terminal.expect('fault')
    terminal.type(CTRL_C)
    assert f'killed (process {pid})' in terminal.prompt()
    assert terminal.status == 137 and terminal.run('jobs') == ''
    assert 'no such job' in terminal.run('fg')
    terminal.run('fault hang &')
    assert 'killed' in terminal.run('kill %1') + terminal.run('wait %1') + terminal.run('jobs')
    assert 'usage: wait' in terminal.run('wait %1')


def test_term0012_what_outlives_the_shell(terminal):
    """Its jobs do not, what was detached does; init starts another shell."""
    job = re.search(r'\[1\] (\d+)', terminal.run('fault hang &'))[1]
    detached = terminal.run('run -d fault hang').strip()
    shell = re.search(r'^ *(\d+) .* shell$', terminal.run('ps'), re.M)[1]
    terminal.type(f'kill {shell}\r')
    terminal.expect('the shell ended')
    terminal.prompt()
    rows = {row[0]: row for row in (line.split() for line in terminal.run('ps').splitlines())}
    assert job not in rows and shell not in rows
    assert rows[detached][1] == '0' and rows[detached][-1] == 'fault'
    terminal.run(f'kill {detached}')
    assert terminal.status == 0
    assert detached not in terminal.run('ps').split()


def test_term0013_ctrl_c_is_for_the_whole_group(terminal):
    """What the foreground has started ends with it."""
    def family():
        return terminal.run('ps').count('leakcheck\n')

    terminal.run('leakcheck --child "family stay" &')
    # Round trips, not time: it grows while we ask. The fourth comes and goes.
    assert any(family() >= 4 for _ in range(500))
    terminal.type('fg\r')
    terminal.expect('leakcheck')
    terminal.type(CTRL_C)
    terminal.prompt()
    assert terminal.status == 137 and family() == 0


def test_term1001_who_waits_for_input_leaves_nothing(terminal):
    """As LEAK0010, where reads wait."""
    told = terminal.run('leakcheck 25')
    assert terminal.status == 0, told


def test_term0009_waiting_for_what_ends(terminal):
    terminal.run('args --status 5 &')
    terminal.run('wait')
    assert terminal.status == 5


@contextmanager
def several_cores(build, cores):
    """A session in which all cores have told that they are up: what they log is not taken for what
    comes after a line."""
    with session.Session(build, '--smp', str(cores)) as shell:
        for _ in range(shell.boot_log.count(UP_TEXT), cores - 1):
            shell.expect(UP_TEXT + '[\r]*\n')
        yield shell


def test_term0014_a_program_on_another_core(build):
    with several_cores(build, 2) as shell:
        hello = shell.run('oncore 1 hello')
        assert hello.startswith('Hello from hello, process ') and shell.status == 0


def test_term0015_stopping_and_going_on_on_another_core(build):
    """As TERM0011 and TERM0005: what the keys do there does not depend on the core."""
    with several_cores(build, 3) as shell:
        shell.type('oncore 1 fault hang\r')
        shell.expect('\n')
        shell.type(CTRL_Z)
        pid = re.search(r'\[1\] (\d+) stopped  fault\n', shell.prompt())[1]
        assert int(pid) % 3 == 1 and shell.status == 148
        assert re.search(rf'^ *{pid} +\d+ +1 +stopped ', shell.run('ps'), re.M)
        assert shell.run('bg') == f'[1] {pid} running  fault\n'
        assert not re.search(rf'^ *{pid} +\d+ +1 +stopped ', shell.run('ps'), re.M)
        shell.type('fg\r')
        shell.expect('fault')
        shell.type(CTRL_Z)
        assert f'[1] {pid} stopped  fault\n' in shell.prompt()
        shell.type('fg\r')
        shell.expect('fault')
        shell.type(CTRL_C)
        assert f'killed (process {pid})' in shell.prompt()
        assert shell.status == 137 and shell.run('jobs') == ''
        other = re.search(r'\[1\] (\d+)', shell.run('oncore 2 fault hang &'))[1]
        assert shell.run('jobs') == f'[1] {other} running  fault\n'
        shell.type('wait\r')
        shell.expect('\n')
        shell.type(CTRL_C)
        shell.prompt()
        assert shell.status == 130
        told = shell.run(f'kill {other}') + shell.run(f'wait {other}') + shell.run('jobs')
        assert f'killed (process {other})' in told
        assert 'usage' not in shell.run('oncore 1 args --status 9 &')
        shell.run('wait')
        assert shell.status == 9
        shell.type('oncore 1 leakcheck --child "family stay"\r')
        shell.expect('\n')
        shell.type(CTRL_C)
        shell.prompt()
        assert shell.status == 137 and 'leakcheck\n' not in shell.run('ps')


def test_term0006_leaving(terminal):
    assert terminal.leave() == 0


def test_term0007_power(terminal):
    assert 'AOS build' in terminal.run('reboot')
    assert terminal.run('echo again') == 'again\n'
    terminal.type('shutdown\r')
    assert terminal.end() == 0


def test_term0008_through_uboot(build, tmp_path):
    """The same kernel and initrd, loaded by `booti`, all the way to the prompt."""
    machine = uboot.through_uboot(machines.from_build(build), tmp_path)
    with session.Session(build, command=machine.command(machines.TERMINAL)) as shell:
        assert 'U-Boot' in shell.boot_log and 'entered at EL2' in shell.boot_log
        assert shell.run('echo hi') == 'hi\n'
        shell.type('shutdown\r')
        assert shell.end() == 0


def test_term0016_top_draws_in_place_until_it_is_interrupted(build):
    with several_cores(build, 2) as shell:
        shell.run('oncore 1 fault hang &')
        shell.type('top\r')
        shell.expect('\n')
        begin, end = re.escape('\x1b[H') + 'CORE  BUSY', re.escape('\x1b[J')
        for _ in range(2):
            shell.expect(f'{begin}[^\x1b]*' + re.escape('\x1b[K'))
            shell.expect(end)
        shell.type(CTRL_C)
        shell.prompt()
        assert shell.status == 130
        assert shell.run('echo back') == 'back\n'
