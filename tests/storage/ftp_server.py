"""An FTP server on loopback, as a process of its own: `python ftp_server.py FOLDER` prints its port.

It is a real file system of fsspec over a network, and one that shows files while they are written.
"""

from __future__ import annotations

import logging
import sys

USER, PASSWORD = "works", "secret"


def main() -> None:
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.servers import ThreadedFTPServer

    logging.disable(logging.CRITICAL)
    users = DummyAuthorizer()
    users.add_user(USER, PASSWORD, sys.argv[1], perm="elradfmwMT")
    handler = type("Handler", (FTPHandler,), {"authorizer": users})
    server = ThreadedFTPServer(("127.0.0.1", 0), handler)
    sys.stdout.write(f"{server.address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
