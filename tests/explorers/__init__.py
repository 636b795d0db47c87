"""Explorers without a browser."""
