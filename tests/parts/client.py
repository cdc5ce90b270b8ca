"""The Python caller of the end-to-end test: requests or httpx, instrumented by OpenTelemetry, calls the fault-injecting gateway.

In: a plan as JSON on stdin (the same one that the Go client reads). Out: one JSON line per call on stdout, then
{"flushed": true} when every span was acknowledged. Which semantic conventions and which response headers the
instrumentations emit is set by OpenTelemetry's own environment variables. Model host names resolve to the gateway on loopback.
"""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import requests
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def redirect(plan):
    """Every model host is the gateway; two kinds of names stand for a closed port and for a name that does not exist."""
    original = socket.getaddrinfo
    gateway, closed = split(plan["gateway"]), split(plan["closed"])

    def getaddrinfo(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if not name or not name.endswith(".baseten.co"):
            return original(host, port, *args, **kwargs)
        if name.startswith("model-nowhere"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        target = closed if name.startswith("model-refused") else gateway
        return original(*target, family=socket.AF_INET, type=socket.SOCK_STREAM)

    socket.getaddrinfo = getaddrinfo


def exporter(plan):
    if plan["protocol"] == "grpc":
        import grpc
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        compression = grpc.Compression.Gzip if plan["compression"] == "gzip" else grpc.Compression.NoCompression
        return OTLPSpanExporter(endpoint=plan["endpoint"], insecure=True, compression=compression, timeout=20)
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    compression = Compression.Gzip if plan["compression"] == "gzip" else Compression.NoCompression
    return OTLPSpanExporter(endpoint=f"http://{plan['endpoint']}/v1/traces", compression=compression, timeout=20)


class Acknowledged(SpanExporter):
    """Passes batches on and remembers whether one was refused: the SDK itself only logs that."""

    def __init__(self, inner):
        self.inner, self.refused = inner, 0

    def export(self, spans):
        result = self.inner.export(spans)
        self.refused += result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self):
        self.inner.shutdown()

    def force_flush(self, timeout_millis=30000):
        return self.inner.force_flush(timeout_millis)


class LastTrace(SpanProcessor):
    """The trace id of the span that this thread started last: a call's own, where no application span is around it."""

    def __init__(self):
        import threading

        self.local = threading.local()

    def on_start(self, span, parent_context=None):
        self.local.trace_id = format(span.get_span_context().trace_id, "032x")


class UpstreamError(Exception):
    """What an application raises for a bad status, with the answer's text."""


def headers(call, plan):
    return {"X-Test-Fault": call["fault"], "X-Test-Caller": plan["service"]}


def send_requests(call, plan):
    verify = True if call["caller"] == "distrust" else plan["ca"]
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(call["url"], json=call.get("body", {"prompt": "hello"}), headers=headers(call, plan), timeout=plan["timeout"], verify=verify)
        return answer.status_code, answer.text


def send_httpx(call, plan):
    import ssl

    verify = ssl.create_default_context(cafile=None if call["caller"] == "distrust" else plan["ca"])
    with httpx.Client(verify=verify, timeout=plan["timeout"], trust_env=False) as client:
        answer = client.post(call["url"], json=call.get("body", {"prompt": "hello"}), headers=headers(call, plan))
        return answer.status_code, answer.text


def one(call, plan, last):
    send = send_requests if plan["library"] == "requests" else send_httpx

    def attempt():
        status, body = send(call, plan)
        if status >= 400 and plan["app_span"]:
            raise UpstreamError(f"predict: unexpected status {status}: {body[:2048]}")
        return str(status)

    began = time.monotonic()
    try:
        if plan["app_span"]:
            with trace.get_tracer("answer").start_as_current_span("answer_question"):
                got = attempt()
        else:
            got = attempt()
    except Exception as error:  # any failure is a result here
        got = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - began
    return {"fault": call["fault"], "row": call.get("row", 0), "url": call["url"], "trace_id": last.local.trace_id, "seconds": seconds, "got": got}


def main():
    plan = json.load(sys.stdin)
    provider = TracerProvider(resource=Resource.create({"service.name": plan["service"]}))
    last, out = LastTrace(), Acknowledged(exporter(plan))
    provider.add_span_processor(last)
    # Batches leave only when the plan is done, so that one export holds parents and children.
    provider.add_span_processor(BatchSpanProcessor(out, schedule_delay_millis=60000, export_timeout_millis=30000))
    trace.set_tracer_provider(provider)
    instrumentor = RequestsInstrumentor() if plan["library"] == "requests" else HTTPXClientInstrumentor()
    instrumentor.instrument()
    redirect(plan)

    calls = [call for call in plan["calls"] for _ in range(call["times"])]
    with ThreadPoolExecutor(max_workers=plan["workers"]) as pool:
        reports = list(pool.map(lambda call: one(call, plan, last), calls))
    # The exporter itself uses requests, so the instrumentation goes before the export does.
    instrumentor.uninstrument()
    provider.force_flush()
    provider.shutdown()
    if out.refused:
        sys.exit(f"client.py: {out.refused} exports were refused")
    for report in reports:
        print(json.dumps(report))
    print(json.dumps({"flushed": True}))


if __name__ == "__main__":
    main()
