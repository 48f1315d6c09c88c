"""The generated messages, stubs and servicer bases of the package flowrpc.v1; `make generate` writes them."""
