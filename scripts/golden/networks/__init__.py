"""Small networks of the kinds that people export, for scripts/golden/models.py."""
