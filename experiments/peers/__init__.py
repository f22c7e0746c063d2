"""What `throughput.py` and `end_to_end.py` measure: jdend and its peers, each in one file."""
