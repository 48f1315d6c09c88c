"""An app whose layout names works that serve: they begin, move to other ports, and end as commands say."""

SOURCE = """
from http.server import BaseHTTPRequestHandler, HTTPServer


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"<!doctype html><title>page</title><h1>served by {os.getpid()}</h1><p>{self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(LightningWork):
    def __init__(self):
        super().__init__(parallel=True, cache_calls=False, raise_exception=False)
        self.ends = False

    def run(self):
        with HTTPServer((self.host, self.port), Page) as server:
            server.timeout = 0.05
            while not self.ends:
                server.handle_request()


class Below(Server):
    def __init__(self):
        super().__init__()
        self.page = ""

    def configure_layout(self):
        return self.url and f"{self.url}/{self.page}"


class Nested(LightningFlow):
    def __init__(self):
        self.below = Below()

    def configure_layout(self):
        return dict(name="Inner", content=self.below)


class Root(LightningFlow):
    def __init__(self):
        self.server = Server()
        self.nested = Nested()
        self.wanted = ""
        self.count = 0

    def run(self):
        work = {"server": self.server, "below": self.nested.below}.get(self.wanted)
        if work is not None and not work.is_running and not work.is_pending:
            self.wanted = ""
            work.ends = False
            work.run()

    def serve(self, work: str = "server"):
        self.wanted = work

    def end(self):
        self.server.ends = True

    def turn(self, page: str):
        self.nested.below.page = page

    def number(self, count: int):
        self.count = count

    def configure_commands(self):
        commands = {"serve": self.serve, "end": self.end, "turn": self.turn, "number": self.number}
        return {**commands, "stop_it": self.server.stop}

    def configure_layout(self):
        tabs = [dict(name="Empty", content=""), dict(name=f"Work {self.count}", content=self.server)]
        if self.count > 9:
            tabs.insert(0, dict(name="Many", content=""))
        return [*tabs, dict(name="Nested", content=self.nested)]


app = LightningApp(Root())
"""
