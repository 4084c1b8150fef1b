"""Preparation: one file a stage; :mod:`printprep.prepare.pipeline` is the list of them."""
