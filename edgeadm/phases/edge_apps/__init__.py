"""What makes a cluster an edge cluster: one phase for each component."""
