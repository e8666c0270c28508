"""What a lab is: `Lab`, `InstantTopic`, `LiveTopic`, `Preset`, `Prediction`, `Source`."""
