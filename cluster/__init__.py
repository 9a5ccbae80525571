"""Starts the whole of Ratebook over three zones of one machine, breaks it on purpose and mends it: ./dev cluster."""
