"""Search spaces: their dimensions, the budget, which networks fit it, and points that always do."""
