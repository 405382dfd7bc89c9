"""What every process has: an app created on demand, tasks that end, memory, descriptors."""
