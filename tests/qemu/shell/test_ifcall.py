"""ifcall: any method of any service from the shell, by the descriptions in the image."""
import re

MISUSED = 2


def test_ifcall0001_values_of_every_kind_go_there_and_back(run):
    result = run(
        'ifcall nameserver', 'ifcall process.describe pid=2',
        'ifcall nameserver.lookup name=serial iface=0', 'ifcall init.text text="a \\"b\\" c"',
        'ifcall nameserver.enumerate prefix="" where=[] after=""',
        'ifcall init.number value=0x11',
        "ifcall process.spawn 'args=[\"args\", \"--status\", \"0\", \"x y\"]' env=[A=1] core=0 "
        'quota=0 grant_names=[] grants=[]',
        'ifcall init.module name=hello', 'ifcall process.status pid=2',
        'ifcall init.log_read from=0')
    out = result.stdout
    assert set(result.statuses) == {0} and result.stderr == ''
    assert 'interface nameserver {' in out and '  call lookup @3 (name: string<63>' in out
    assert re.search(r'^info={pid=2, parent=0, core=0, state=waiting, cpu_ns=\d+, ', out, re.M)
    assert 'service=cap0\ncap0: EndPoint rwd\n' in out
    assert 'length=7\n' in out and 'echo=17\n' in out
    assert re.search(r'^names=\["init", "memory", "process", "serial"\]$', out, re.M)
    assert re.search(r'^pid=\d+$', out, re.M)
    assert re.search(r'^frame=cap0\nbytes=\d+\ncap0: Frame rx$', out, re.M)
    assert re.search(r'^ended=false\nexit={kind=exited, status=0, ', out, re.M)
    text = bytes.fromhex(re.search(r'^text=([0-9a-f]+)$', out, re.M)[1])
    assert b'AOS build' in text, 'bytes are printed as hexadecimal digits'


def test_ifcall0002_errors_have_names_and_mistakes_the_signature(run):
    result = run(
        'ifcall nameserver.lookup name=nosuch iface=0', 'ifcall nosuch.method',
        'ifcall nameserver.find name=x', 'ifcall nameserver.lookup nam=x',
        'ifcall nameserver.lookup name=x', 'ifcall nameserver.lookup name=x iface=65536',
        'ifcall process.spawn args=["x"] env=[] core=0 quota=0 grant_names=[] grants=[1]',
        'ifcall init.log_grown', 'ifcall init.console_taken', 'ifcall')
    said = result.stderr
    assert result.statuses == [1, 1] + [MISUSED] * 6 + [1, MISUSED] and result.stdout == ''
    assert 'no such name (nameserver: not_found)' in said
    assert 'nameserver has no method find' in said
    assert 'nam=x: there is no such name\ncall lookup @3 (name: string<63>, iface: u16)' in said
    assert 'iface: is missing' in said and 'too large for its type' in said
    assert 'no capabilities to send' in said and 'an event comes from the service' in said
    assert '(init: denied)' in said and 'usage: ifcall' in said
