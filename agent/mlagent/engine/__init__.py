"""Runs the catalog's stages in order and writes down what happened, before and after each."""
