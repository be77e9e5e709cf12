"""Ingestion: stores a batch of entries and updates syncs, runs and customers in one transaction; retention deletes them."""
