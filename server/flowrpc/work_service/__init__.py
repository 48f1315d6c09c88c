"""The work service: the agent, its session with the flow, and the runners."""
