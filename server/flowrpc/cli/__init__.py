"""flowctl's server-side commands."""
