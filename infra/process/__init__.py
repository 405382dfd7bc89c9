"""What every process has: an app created on demand, telemetry, tasks that end, memory, descriptors."""
