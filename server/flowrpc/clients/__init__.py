"""Typed clients of an app's own contract, in the languages that `flowctl client generate` knows."""
