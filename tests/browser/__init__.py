"""Tests in a real browser: Debian's chromium through Playwright, with axe."""
