"""How long nodes take to end and to be adopted, and how fast schedules are gone through."""
