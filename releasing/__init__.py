"""What makes what is released: packages, and the roots in which they are built and tried."""
