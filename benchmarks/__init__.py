"""What the performance promises are measured with: `python -m benchmarks` prints the table that the README quotes."""
