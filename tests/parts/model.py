"""The model of the out-of-memory scene: a WSGI application, served by gunicorn.

In: {"batch": N}. Out: {"rows": N} once a MiB was filled for each row; 400 where N is no positive number. Nothing checks N against
the memory there is: a batch that is too large ends the worker, and that is the point.
"""

import json


def application(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    status, answer = predict(environ["wsgi.input"].read(size))
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def predict(body):
    try:
        batch = int(json.loads(body)["batch"])
    except (ValueError, KeyError, TypeError) as error:
        return "400 Bad Request", {"error": f"Invalid JSON payload: {error}"}
    # Filled, not only reserved: the kernel counts pages that were written.
    rows = [bytearray(b"\1") * (1 << 20) for _ in range(batch)]
    return "200 OK", {"rows": len(rows)}
