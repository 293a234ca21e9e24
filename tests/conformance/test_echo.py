"""RFC 6455 as a test suite sees it: the daemon's transport and session behind an echo.

The sections are those of the Autobahn suite: framing, pings, reserved bits, opcodes, fragmentation,
UTF-8, closing; and chopped sending.
"""

from __future__ import annotations

import random
import struct

import pytest
from conftest import Connect, EchoServer

from support.raw_socket import BINARY, CLOSE, PING, PONG, TEXT, Frame, RawSocket

CONTINUATION = 0
SIZES = [0, 1, 125, 126, 127, 128, 65535, 65536]


def close_payload(code: int, reason: bytes = b"") -> bytes:
    return struct.pack("!H", code) + reason


def assert_failed(peer: RawSocket, code: int, before: list[Frame] | None = None) -> None:
    """The frames `before`, a close frame with `code`, and the end of the stream."""
    for expected in before or []:
        assert peer.frame() == expected
    frame = peer.frame()
    assert (frame.opcode, frame.close_code) == (CLOSE, code)
    peer.send_frame(CLOSE, close_payload(code))
    assert peer.at_end()


def assert_alive(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"still there?")
    assert peer.frame() == Frame(TEXT, b"still there?")


def masked(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """The bytes of one small frame, with a mask of zeros."""
    assert len(payload) < 126
    return bytes([final << 7 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


# ---- 1: framing ----


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_any_size_comes_back(peer: RawSocket, opcode: int, size: int) -> None:
    payload = b"*" * size if opcode == TEXT else bytes(i % 256 for i in range(size))
    peer.send_frame(opcode, payload)
    assert peer.frame() == Frame(opcode, payload)


def test_bytes_in_pieces_of_997(peer: RawSocket) -> None:
    whole = RecordingSocket()
    payload = b"*" * 65536
    RawSocket.send_frame(whole, TEXT, payload)  # type: ignore[arg-type]
    for at in range(0, len(whole.sent), 997):
        peer.send(whole.sent[at : at + 997])
    assert peer.frame() == Frame(TEXT, payload)


class RecordingSocket:
    """Takes what would be sent."""

    sent = b""

    def send(self, data: bytes) -> None:
        self.sent += data


# ---- 2: pings and pongs ----


@pytest.mark.parametrize("payload", [b"", b"Hello, world!", bytes(range(0, 256, 32)), b"\xfe" * 125])
def test_a_ping_is_answered_with_its_payload(peer: RawSocket, payload: bytes) -> None:
    peer.send_frame(PING, payload)
    assert peer.frame() == Frame(PONG, payload)


def test_a_ping_over_125_bytes_fails(peer: RawSocket) -> None:
    peer.send_frame(PING, b"\xfe" * 126)
    assert_failed(peer, 1002)


def test_a_ping_byte_by_byte(peer: RawSocket) -> None:
    for byte in masked(PING, b"\xfe" * 125):
        peer.send(bytes([byte]))
    assert peer.frame() == Frame(PONG, b"\xfe" * 125)


def test_unasked_pongs_are_ignored(peer: RawSocket) -> None:
    peer.send_frame(PONG)
    peer.send_frame(PONG, b"unasked")
    peer.send_frame(PING, b"asked")
    assert peer.frame() == Frame(PONG, b"asked")


def test_ten_pings_in_a_row_are_answered_in_order(peer: RawSocket) -> None:
    for number in range(10):
        peer.send_frame(PING, b"ping %d" % number)
    for number in range(10):
        assert peer.frame() == Frame(PONG, b"ping %d" % number)


# ---- 3: reserved bits ----


@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, CLOSE])
def test_a_reserved_bit_fails(peer: RawSocket, opcode: int, reserved: int) -> None:
    peer.send_frame(opcode, b"", reserved=reserved)
    assert_failed(peer, 1002)


def test_what_came_before_a_reserved_bit_is_answered(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"before")
    peer.send_frame(TEXT, b"at", reserved=4)
    peer.send_frame(PING, b"after")
    assert_failed(peer, 1002, [Frame(TEXT, b"before")])


# ---- 4: opcodes ----


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
@pytest.mark.parametrize("payload", [b"", b"unknown"])
def test_a_reserved_opcode_fails(peer: RawSocket, opcode: int, payload: bytes) -> None:
    peer.send_frame(TEXT, b"before")
    peer.send_frame(opcode, payload)
    assert_failed(peer, 1002, [Frame(TEXT, b"before")])


def test_an_unmasked_frame_fails(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"open", masked=False)
    assert_failed(peer, 1002)


# ---- 5: fragmentation ----


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_fragmented_control_frame_fails(peer: RawSocket, opcode: int) -> None:
    peer.send_frame(opcode, b"", final=False)
    assert_failed(peer, 1002)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_become_one_message(peer: RawSocket, opcode: int) -> None:
    peer.send_frame(opcode, b"fragment1", final=False)
    peer.send_frame(CONTINUATION, b"fragment2", final=False)
    peer.send_frame(CONTINUATION, b"fragment3")
    assert peer.frame() == Frame(opcode, b"fragment1fragment2fragment3")


def test_empty_fragments(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"", final=False)
    peer.send_frame(CONTINUATION, b"middle", final=False)
    peer.send_frame(CONTINUATION, b"")
    assert peer.frame() == Frame(TEXT, b"middle")


def test_pings_between_fragments_are_answered_at_once(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"fragment1", final=False)
    peer.send_frame(PING, b"first")
    assert peer.frame() == Frame(PONG, b"first")
    peer.send_frame(CONTINUATION, b"fragment2", final=False)
    peer.send_frame(PING, b"second")
    assert peer.frame() == Frame(PONG, b"second")
    peer.send_frame(CONTINUATION, b"fragment3")
    assert peer.frame() == Frame(TEXT, b"fragment1fragment2fragment3")


def test_a_close_between_fragments_ends_it(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"fragment1", final=False)
    peer.send_frame(CLOSE, close_payload(1000))
    assert peer.close_code() == 1000
    assert peer.at_end()


@pytest.mark.parametrize("final", [True, False])
def test_a_continuation_of_nothing_fails(peer: RawSocket, final: bool) -> None:
    peer.send_frame(CONTINUATION, b"of nothing", final=final)
    assert_failed(peer, 1002)


def test_a_continuation_after_a_finished_message_fails(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"first", final=False)
    peer.send_frame(CONTINUATION, b" last")
    peer.send_frame(CONTINUATION, b" and more")
    assert_failed(peer, 1002, [Frame(TEXT, b"first last")])


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("final", [True, False])
def test_a_new_message_inside_another_fails(peer: RawSocket, opcode: int, final: bool) -> None:
    peer.send_frame(TEXT, b"fragment1", final=False)
    peer.send_frame(opcode, b"fragment2", final=final)
    assert_failed(peer, 1002)


# ---- 6: UTF-8 ----

VALID = [
    "κόσμε",
    "Hello-µ@ßöäüàá-UTF-8!!",
    "\0",
    "\x7f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\ufffe\uffff",
    "\U00010000\U0001f600\U0010ffff",
]
INVALID = {
    "a continuation alone": b"\x80",
    "two continuations": b"\x80\xbf",
    "cut after two bytes of three": b"\xe2\x82",
    "cut after three bytes of four": b"\xf0\x9f\x98",
    "a lead byte before a blank": b"\xc3 ",
    "an overlong slash": b"\xc0\xaf",
    "an overlong slash in three": b"\xe0\x80\xaf",
    "an overlong slash in four": b"\xf0\x80\x80\xaf",
    "an overlong nul": b"\xc0\x80",
    "an overlong U+07FF": b"\xe0\x9f\xbf",
    "an overlong U+FFFF": b"\xf0\x8f\xbf\xbf",
    "a high surrogate": b"\xed\xa0\x80",
    "a low surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\x80\xed\xb0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "FE": b"\xfe",
    "FF": b"\xff",
    "a surrogate within text": "κόσμε".encode() + b"\xed\xa0\x80" + b"edited",
}


@pytest.mark.parametrize("text", VALID)
def test_valid_text_comes_back_whole_and_byte_by_byte(peer: RawSocket, text: str) -> None:
    payload = text.encode()
    peer.send_frame(TEXT, payload)
    assert peer.frame() == Frame(TEXT, payload)
    for i, byte in enumerate(payload):
        peer.send_frame(CONTINUATION if i else TEXT, bytes([byte]), final=i + 1 == len(payload))
    assert peer.frame() == Frame(TEXT, payload)


@pytest.mark.parametrize("name", INVALID)
def test_text_that_is_not_utf8_fails(connect: Connect, name: str) -> None:
    whole = connect()
    whole.send_frame(TEXT, INVALID[name])
    assert_failed(whole, 1007)

    in_fragments = connect()
    in_fragments.send_frame(TEXT, b"good, ", final=False)
    in_fragments.send_frame(CONTINUATION, INVALID[name])
    assert_failed(in_fragments, 1007)

    byte_by_byte = connect()
    for byte in masked(TEXT, INVALID[name]):
        byte_by_byte.send(bytes([byte]))
    assert_failed(byte_by_byte, 1007)


def test_bad_text_fails_at_the_byte_that_makes_it_so(peer: RawSocket) -> None:
    """The message's end need not come for the bridge to know."""
    peer.send_frame(TEXT, "κόσμε".encode() + b"\xf4\x90", final=False)
    assert_failed(peer, 1007)


def test_any_bytes_may_stand_in_a_binary_message(peer: RawSocket) -> None:
    for payload in INVALID.values():
        peer.send_frame(BINARY, payload)
        assert peer.frame() == Frame(BINARY, payload)


# ---- 7: closing ----


def test_a_close_is_answered_and_nothing_after_it(peer: RawSocket) -> None:
    peer.send_frame(TEXT, b"last words")
    peer.send_frame(CLOSE, close_payload(1000, b"bye"))
    peer.send_frame(TEXT, b"too late")
    peer.send_frame(PING, b"too late")
    assert peer.frame() == Frame(TEXT, b"last words")
    assert peer.close_code() == 1000
    assert peer.at_end()


def test_a_close_without_a_code(peer: RawSocket) -> None:
    peer.send_frame(CLOSE)
    frame = peer.frame()
    assert frame.opcode == CLOSE and frame.close_code == 1000
    assert peer.at_end()


def test_a_close_of_one_byte_fails(peer: RawSocket) -> None:
    peer.send_frame(CLOSE, b"\x03")
    assert peer.close_code() == 1002
    assert peer.at_end()


def test_a_reason_of_123_bytes_is_the_longest(connect: Connect) -> None:
    longest = connect()
    longest.send_frame(CLOSE, close_payload(1000, b"*" * 123))
    assert longest.close_code() == 1000
    assert longest.at_end()

    too_long = connect()
    too_long.send_frame(CLOSE, close_payload(1000, b"*" * 124))
    assert too_long.close_code() == 1002
    assert too_long.at_end()


def test_a_reason_that_is_not_utf8_fails(peer: RawSocket) -> None:
    peer.send_frame(CLOSE, close_payload(1000, b"\xce\xba\xe1\xbd\xed\xa0\x80"))
    assert peer.close_code() == 1002
    assert peer.at_end()


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_valid_close_code_comes_back(peer: RawSocket, code: int) -> None:
    peer.send_frame(CLOSE, close_payload(code, b"because"))
    assert peer.close_code() == code
    assert peer.at_end()


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_an_invalid_close_code_fails(peer: RawSocket, code: int) -> None:
    peer.send_frame(CLOSE, close_payload(code))
    assert peer.close_code() == 1002
    assert peer.at_end()


# ---- 9 and 10: size, and how it is cut ----


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_a_message_of_one_mebibyte(peer: RawSocket, opcode: int) -> None:
    payload = b"BAsd7&jh" * (1 << 17)
    peer.send_frame(opcode, payload)
    assert peer.frame() == Frame(opcode, payload)


def test_a_mebibyte_in_fragments_of_four_kibibytes(peer: RawSocket) -> None:
    payload = random.Random(10).randbytes(1 << 20)
    for at in range(0, len(payload), 4096):
        peer.send_frame(BINARY if at == 0 else CONTINUATION, payload[at : at + 4096], final=at + 4096 == len(payload))
    assert peer.frame() == Frame(BINARY, payload)


def test_many_small_messages_come_back_in_order(peer: RawSocket) -> None:
    peer.send(b"".join(masked(TEXT, b"message %d" % number) for number in range(2000)))
    for number in range(2000):
        assert peer.frame() == Frame(TEXT, b"message %d" % number)


def test_frames_cut_at_every_place(peer: RawSocket) -> None:
    cut = random.Random(455)
    stream = b"".join(masked(TEXT, b"x" * (number % 120)) for number in range(200))
    while stream:
        size = cut.randint(1, 40)
        peer.send(stream[:size])
        stream = stream[size:]
    for number in range(200):
        assert peer.frame() == Frame(TEXT, b"x" * (number % 120))


def test_a_message_over_the_limit_fails() -> None:
    server = EchoServer("--max-message", "1000")
    try:
        with RawSocket(server.port) as peer:
            assert peer.upgrade()[0] == 101
            peer.send_frame(TEXT, b"*" * 1000)
            assert peer.frame() == Frame(TEXT, b"*" * 1000)
            peer.send_frame(TEXT, b"*" * 600, final=False)
            peer.send_frame(CONTINUATION, b"*" * 401)
            assert_failed(peer, 1009)
        with RawSocket(server.port) as peer:
            assert peer.upgrade()[0] == 101
            # The header alone announces too much.
            peer.send(b"\x82\xff" + struct.pack("!Q", 1 << 62) + b"\0\0\0\0")
            assert_failed(peer, 1009)
    finally:
        assert server.stop() == 0


def test_one_connection_failing_leaves_the_others(connect: Connect) -> None:
    other = connect()
    failing = connect()
    failing.send_frame(3)
    assert_failed(failing, 1002)
    assert_alive(other)
