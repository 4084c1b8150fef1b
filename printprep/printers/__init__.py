"""Printers: links that send, and the dialects they speak."""
