"""Beam jobs over Arrow record batches: read, extract, measure, filter, deduplicate, write. Import the submodules."""
