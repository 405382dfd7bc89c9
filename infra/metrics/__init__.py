"""What a process measures, and how it tells: instruments of OpenTelemetry, Prometheus's exposition, OTLP."""
