"""`penstock init`: looks at a table, and writes the configuration and the schema with which a newcomer starts."""
