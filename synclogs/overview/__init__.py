"""How a project, an integration or a customer is doing: states, errors, the latest log, metrics."""
