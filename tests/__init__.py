"""Tests: behaviour through public doors, on a real database."""
