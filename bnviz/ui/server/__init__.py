"""The server around the pages: routes, what it refuses, what it says with every answer, how it starts."""
