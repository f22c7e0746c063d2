"""What proposes configurations."""
