"""What runs beside a system in production; the files lie beside the code that writes some of them."""
