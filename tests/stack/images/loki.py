"""In Loki's place: prints what it is sent by OTLP, each request as one line of JSON."""

import gzip
from http.server import BaseHTTPRequestHandler, HTTPServer

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


class Logs(BaseHTTPRequestHandler):
    """Takes `/otlp/v1/logs`, where Loki takes OTLP."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        found = self.path == "/otlp/v1/logs"
        if found:
            print(MessageToJson(ExportLogsServiceRequest.FromString(body), indent=None), flush=True)
        self.send_response(200 if found else 404)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("0.0.0.0", 3100), Logs).serve_forever()
