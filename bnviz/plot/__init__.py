"""What every picture is made of: charts, played scenes, listings, colours and numbers in the house style."""
