"""The flow service: the core, its engine thread and the servicers."""
