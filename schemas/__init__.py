"""Contracts: Arrow schemas, ids, recipes, SQL tables. Empty on purpose: importing it must pull in neither Beam nor SQLAlchemy."""
