"""What a work needs of a machine."""
