"""One day of a small city, generated and played once per test run; the fixture `day` (tests/conftest.py) shares its database.

pack       the city: 200 and more devices of every sensor kind in four neighbourhoods, and its registers
play       what its sensors say: a whole local day with faults, as arrays of readings; registers: what its registers say over two years
record     the fixture's work: play it through gateway, worker and writer, wait for the finals, stop everything but the database
check      the second opinion: a KPI's check_sql over all of its windows
coverage   another one on coverage and devices, from stored readings
"""
