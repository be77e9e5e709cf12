"""Who may see what: projects and roles, how many reads at once, requests that other sites started."""
