"""Problems that people reported in public, each as a card with its reproduction, and the search for one's own."""
