"""The work protocol as plain facts: what an agent and a flow service say to each other, without the wire."""
