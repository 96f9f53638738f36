"""The registry contract, discovery, and one adapter for each country."""
