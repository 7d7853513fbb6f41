"""Exact and near deduplication: columnar shuffles over hashes and small integers. Import the submodules."""
