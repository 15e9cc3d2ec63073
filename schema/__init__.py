"""What the data is: curated TFDV schemas, and the one table of feature roles that everything reads."""
