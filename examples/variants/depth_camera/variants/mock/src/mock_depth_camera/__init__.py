"""Makes up what a depth camera would see."""
