"""What trains the populations of a generation, for a search loop that does all the rest."""
