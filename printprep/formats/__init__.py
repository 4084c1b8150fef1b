"""Files: one module a format; :data:`printprep.formats.FORMATS` is the table of them."""
