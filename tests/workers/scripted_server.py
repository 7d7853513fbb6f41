"""A real HTTP server that gives what a test says, faults below HTTP included."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14}


def chat(content, reason="stop", **message):
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": content, **message}}
    return {"choices": [choice], "usage": USAGE}


class Reply:
    """What the server sends once: a status, headers and a body, or a fault below HTTP.

    It waits for `wait` seconds first, and until there have been `beside` requests at a time.
    """

    def __init__(self, body=None, status=200, headers=None, *, cut=False, wait=0.0, drip=0, beside=1):
        self.content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, headers or {}
        self.cut, self.wait, self.drip, self.beside = cut, wait, drip, beside


class Server(ThreadingHTTPServer):
    """A real server on a port of its own: gives the scripted replies in turn, then the last one for ever."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.times = [Reply(chat("4"))], [], []
        self.answer = None
        self.under_way, self.most_under_way = 0, 0
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_):
        """Clients that hang up are what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.seen.append({"path": self.path, "headers": dict(self.headers), "body": body})
            self.server.times.append(time.monotonic())
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
            script = self.server.script
            reply = self.server.answer(body) if self.server.answer else script.pop(0) if len(script) > 1 else script[0]
        try:
            self.send(reply)
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def send(self, reply):
        time.sleep(reply.wait)
        deadline = time.monotonic() + 30
        while self.server.most_under_way < reply.beside and time.monotonic() < deadline:
            time.sleep(0.005)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.content) + reply.drip))
        self.end_headers()
        for _ in range(reply.drip):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.02)
        self.wfile.write(reply.content[: len(reply.content) // 2] if reply.cut else reply.content)
        self.close_connection = True

    def log_message(self, *_):
        pass
