"""What tests ask a server for, and what they do to it."""

import psutil

ENDLESS = {"max_tokens": 1_000_000, "logit_bias": {"0": -1000}}
PICTURE = {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}
HELLO = [{"role": "user", "content": "Hello, who are you?"}]
SHORT = {"max_tokens": 12, "temperature": 0.9, "seed": 7}
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "pick", "description": "Picks.", "parameters": SCHEMA},
}


def post(plain, path, **body):
    return plain.post(path, json=body)


def kill_worker(server):
    children = psutil.Process(server.process.pid).children(recursive=True)
    (worker,) = [child for child in children if "--worker" in child.cmdline()]
    worker.kill()


def told(answer):
    return answer.json()["error"]
