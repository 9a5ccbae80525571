"""Breaks a cluster on purpose under a workload; proves from the history that every promise held: ./dev break."""
