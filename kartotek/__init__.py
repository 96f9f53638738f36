"""Kartotek: a GraphQL API for a company's customer registry."""

__version__ = "0.1.0"
