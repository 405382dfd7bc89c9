"""`asyncapi.yaml`, written from the contracts: `python -m contracts.asyncapi` (`make asyncapi`)."""
