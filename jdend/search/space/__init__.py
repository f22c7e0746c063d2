"""Search spaces: dimensions, the budget, what fits, and points that always do."""
