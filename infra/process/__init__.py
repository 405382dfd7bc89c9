"""What every process of ours has: an app made on demand, telemetry, tasks that end, memory, descriptors."""
