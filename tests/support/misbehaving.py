"""Child processes that break the protocol of frames, each in a way of its own."""

import sys

_BEFORE = """
import os, sys, time
def write(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
def send(message):
    write(len(message).to_bytes(4, "little") + message)
def wait_for_a_request():
    sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(4), "little"))
"""
_LINGER = "; time.sleep(60)"


def command(script: str) -> list[str]:
    """Of a process that runs ``script``, which may use write, send and wait_for_a_request."""
    return [sys.executable, "-c", _BEFORE + script]


GARBLED = {
    "a line of text": r"write(b'Hello from a library\n')" + _LINGER,
    "a length beyond the limit": r"write(b'\xff\xff\xff\xff')" + _LINGER,
    "an empty message": "send(b'')" + _LINGER,
    "no msgpack": r"send(b'\xc1')" + _LINGER,
    "half a message in a frame of its own": r"send(b'\x83\xa4type')" + _LINGER,
    "an unknown type": r"send(b'\x82\xa4type\xa4Nope\xa2id\x01')" + _LINGER,
    "text that is not UTF-8": r"send(b'\x82\xa4type\xa4\xff\xfe\xfd\xfc\xa2id\x01')" + _LINGER,
    "nesting without end": r"send(b'\x82\xa1z' + b'\x91' * 200_000 + b'\xc0\xa2id\x01')" + _LINGER,
}
"""What is no message: the process lingers and has to be ended."""

ENDING = {
    "half a frame": r"write(b'\x63\0\0\0half'); sys.exit(5)",
    "half a length": r"write(b'\x63\0'); sys.exit(5)",
    "the longest frame, and little of it": r"write(b'\0\0\0\x10xx'); sys.exit(5)",
    "nothing": "wait_for_a_request(); sys.exit(5)",
}
"""The process ends by itself with exit code 5."""

CLOSING = {
    "its replies": "wait_for_a_request(); os.close(1)" + _LINGER,
    "both pipes": "wait_for_a_request(); os.close(0); os.close(1)" + _LINGER,
}
"""The process closes a pipe and lingers."""

SILENT = {
    "silent": "time.sleep(60)",
    "silent within a frame": r"write(b'\x63\0\0\0half')" + _LINGER,
}
"""Nothing is wrong with these but that they never answer."""
