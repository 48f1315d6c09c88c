"""HTTP beside gRPC, in the flow service's event loop: configured routes, /docs, the state API, frontends."""
