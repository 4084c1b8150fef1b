"""Alembic runs this to migrate the store; :mod:`printprep.lab.store` gives the connection and its transaction."""

from __future__ import annotations

from alembic import context

from printprep.lab.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
