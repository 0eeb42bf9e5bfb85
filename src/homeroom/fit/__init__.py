"""A model on a machine: memory and verdict. Pure functions."""
