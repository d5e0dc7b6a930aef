"""Durable state: tables, one writer, queue claims, sealed content."""
