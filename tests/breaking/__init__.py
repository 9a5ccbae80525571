"""Breaks a cluster on purpose while a workload runs, and proves from the history that every promise held: ./dev break."""
