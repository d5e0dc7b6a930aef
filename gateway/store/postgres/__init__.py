"""The store on PostgreSQL. Only imported when `store.url` names one: asyncpg is an extra."""
