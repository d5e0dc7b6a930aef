"""The store on PostgreSQL: what SQLite has no like of. What both do is tested one folder up."""
