"""The Streamlit floor: frame, controls, lab scaffold, components, sharing, cache, server."""
