"""Celery tasks and what they stand on: sampling, verification, landing, selection, the store's check. Import the submodules."""
