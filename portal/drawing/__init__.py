"""How values, marks and charts look, whatever page they are on."""
