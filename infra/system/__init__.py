"""All of it on one machine: the supervisor, the embedded servers, the doctor."""
