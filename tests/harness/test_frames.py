"""Frames: what is sent arrives, wherever it is cut; what is damaged is told and does no harm to the
rest."""
import frames
import pytest
from hypothesis import given, strategies as st

FRAME = st.tuples(st.sampled_from(sorted(frames.STREAMS)), st.binary(max_size=frames.MAX_TEXT))


def decode(data, size=None):
    decoder, found = frames.Decoder(), []
    for at in range(0, len(data), size or max(1, len(data))):
        found += decoder.feed(data[at:at + (size or len(data))])
    return found + decoder.finish()


@given(st.lists(FRAME, max_size=8), st.integers(1, 50))
def test_har0001_round_trip_in_pieces(sent, size):
    wire = b''.join(frames.encode(*frame) for frame in sent)
    assert [(f.stream, f.text) for f in decode(wire, size)] == sent


def test_har0002_known_bytes():
    wire = bytes([0xC0]) + b'o\x03\x00a\xdb\xdc\xdb\xdd' + bytes([0xC0])
    assert decode(wire) == [frames.Frame('o', b'a\xc0\xdb')]
    assert frames.encode('o', b'a\xc0\xdb') == wire


@pytest.mark.parametrize('chunk', [
    b'o', b'o\x01', b'o\x02\x00a', b'o\x01\x00ab', b'z\x01\x00a', b'o\x01\x00\xdba',
    b'o\x00\x00\xdb', b'o\x01\x04' + bytes(1025), b'plain text'])
def test_har0003_damaged_chunks_are_told_and_passed_over(chunk):
    good = frames.encode('e', b'fine')
    found = decode(good + b'\xc0' + chunk + b'\xc0' + good)
    assert [f.stream for f in found] == ['e', frames.DAMAGED, 'e']
    assert found[1].text == chunk


def test_har0004_endless_text_is_not_collected():
    found = decode(b'x' * (5 * frames.MAX_CHUNK))
    assert sum(len(f.text) for f in found) == 5 * frames.MAX_CHUNK
    assert all(f.stream == frames.DAMAGED and len(f.text) <= frames.MAX_CHUNK for f in found)


@given(st.binary(max_size=4000))
def test_har0005_anything_at_all_is_survived(data):
    for frame in decode(data, 7):
        assert frame.stream in frames.STREAMS | {frames.DAMAGED}


def test_har0006_too_long_to_send():
    with pytest.raises(ValueError):
        frames.encode('o', bytes(frames.MAX_TEXT + 1))
