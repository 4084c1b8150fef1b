"""G-code: read it, time it, guard it, draw it; pure."""
