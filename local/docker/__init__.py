"""Kompas in containers, by docker-compose.yml: up, down and status with the same words as without Docker."""
