"""Reports: JSON, HTML, pictures."""
