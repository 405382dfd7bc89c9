"""What every process needs: settings, the broker, the log, engines, embedded servers, the command line."""
