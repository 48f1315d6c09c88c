"""What the servers of pages execute. It has a folder of its own, because they put it on `sys.path`."""
