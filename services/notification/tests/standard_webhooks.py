"""An endpoint that verifies with the reference library of the Standard Webhooks specification.

Prints its port and the time, then serves: POST /trust takes the secret to verify with, POST /hook answers 200 to what the
library verifies and 400 to what it refuses. What it verifies it has to refuse when one byte of it is changed: 500 if not.
Run by `make test-webhooks`.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

trusted = []


def verifies(body, headers):
    try:
        trusted[-1].verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


class Endpoint(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/trust":
            trusted.append(Webhook(json.loads(body)["secret"]))
            status = 200
        elif not verifies(body, headers):
            status = 400
        else:
            changed = [
                (body[:-1] + b" }", headers),
                (body, headers | {"webhook-id": headers["webhook-id"] + "x"}),
                (body, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
            ]
            status = 500 if any(verifies(*other) for other in changed) else 200
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print(json.dumps({"port": server.server_port, "now": int(time.time())}))
sys.stdout.flush()
server.serve_forever()
