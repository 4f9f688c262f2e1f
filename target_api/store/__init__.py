"""Users, items, orders and token families on SQLAlchemy Core."""
