"""The whole system on one machine: the supervisor, the embedded servers, the doctor."""
