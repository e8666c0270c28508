"""What a lab teaches, without Streamlit: one module per lab, each with one `LESSON`."""
