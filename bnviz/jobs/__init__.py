"""Long runs outside the server: a bounded pool of processes, a fair queue, updates on the way, and a stop that is obeyed."""
