"""Profiles: printers, materials, processes, tissues and labs, as TOML with inheritance."""
